"""Wires, starts and supervises; speaks to operators. Layer 7."""
