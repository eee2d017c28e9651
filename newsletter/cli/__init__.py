"""Give the operator a command line."""
