"""`rootward top`: a running server in a terminal, refreshed every second."""
