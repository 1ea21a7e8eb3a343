"""Knows compressed pictures: decoding and encoding in confined children. Does not know cameras."""
