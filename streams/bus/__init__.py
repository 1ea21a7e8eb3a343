"""The volatile server: what crosses it, under which keys, with which bounds."""
