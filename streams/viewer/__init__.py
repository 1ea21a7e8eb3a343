"""Knows how a live picture and its boxes reach a browser. Does not know who may see it."""
