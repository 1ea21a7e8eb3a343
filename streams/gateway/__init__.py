"""The HTTP side: who may do what, and what staff see and do over the network."""
