"""The verbs, a module for each thing that is controlled (control/table.py: how to add one)."""
