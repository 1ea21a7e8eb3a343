"""Knows how training and judging say that they cannot go on with what they were given."""


class Refusal(Exception):
    """Work cannot be done; the lines say why, and what to do."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
