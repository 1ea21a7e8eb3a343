"""Holds the networks' weights, their manifest, cards and notices. Holds no code."""
