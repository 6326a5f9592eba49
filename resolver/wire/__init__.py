"""Bytes and facts: the DNS message codec. Layer 1: knows only the words of layer 0."""
