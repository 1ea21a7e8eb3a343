"""Knows how analyses that the page asks for are done, in a process of their own, by HTTP."""
