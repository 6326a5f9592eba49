"""A fake Internet to test against. Public; nothing else in the package imports it."""
