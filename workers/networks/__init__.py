"""Holds the networks, one literal torch module a file, the paper on top. Reads no file."""
