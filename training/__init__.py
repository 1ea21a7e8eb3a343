"""How a network is made and judged: data, recipes, evaluation, cards."""
