"""Who may ask for what. Layer 4: pure verdicts."""
