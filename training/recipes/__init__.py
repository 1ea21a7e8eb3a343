"""The recipes by task and name."""

from collections.abc import Mapping
from typing import Final

from training.recipe import Recipe
from training.recipes import expression, mask, paper

RECIPES: Final[Mapping[str, Mapping[str, Recipe]]] = {
    "mask": {one.name: one for one in (mask.SHIPPED, mask.SHORT, paper.MASK, paper.MASK_GROUPED)},
    "expression": {
        one.name: one
        for one in (
            expression.SHIPPED,
            expression.FIRST,
            paper.EXPRESSION,
            paper.EXPRESSION_SHORT,
        )
    },
}
