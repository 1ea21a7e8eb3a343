"""What an operator may set: one typed tree, its defaults, and where each value came from."""
