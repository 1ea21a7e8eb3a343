"""The README's figures, each printed by a command; never run as tests."""
