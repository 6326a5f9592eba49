"""Walking the tree from the root (RFC 1034 section 5.3.3). Layer 3: generators without I/O."""
