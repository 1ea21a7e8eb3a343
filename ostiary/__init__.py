"""The face: command line, supervisor, demo, client."""
