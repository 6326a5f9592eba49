"""A server under mixed load for long, every answer checked against the truth of its moment."""
