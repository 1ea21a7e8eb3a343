"""The documents, and the command that draws those of them that come from tables."""
