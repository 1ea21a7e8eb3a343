"""Knows what a camera may be used for beyond masks. Does not know which camera has which."""

from enum import StrEnum


class Purpose(StrEnum):
    """A camera's one purpose beyond masks: nothing, who people are, or their expression.

    Names and expressions are never joined, so there is no value for both.
    """

    NONE = "none"
    PEOPLE = "people"
    EXPRESSION = "expression"
