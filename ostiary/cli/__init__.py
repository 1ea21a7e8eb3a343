"""The command line: what a person types, what is printed, how it exits."""
