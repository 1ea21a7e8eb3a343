"""Knows how to pair rows with columns at the least total cost. Does not know what they are."""

import numpy as np
from numpy.typing import NDArray


def assign(cost: NDArray[np.float64], limit: float) -> list[tuple[int, int]]:
    """Pair rows and columns of (N, M) costs so that the sum is least, each used at most once.

    Pairs that cost more than `limit` are never made. Pairs come in the order of the rows.
    Source: Kuhn 1955, with the shortest augmenting paths of Jonker and Volgenant 1987.
    """
    rows, columns = cost.shape
    if not rows or not columns:
        return []
    if rows > columns:
        swapped = assign(cost.T, limit)
        return sorted((row, column) for column, row in swapped)
    # What is forbidden all costs the same, so that it never steers the allowed pairs.
    matched = _columns_of_rows(np.where(cost <= limit, cost, 2 * abs(limit) + 1))
    return [(row, int(column)) for row, column in enumerate(matched) if cost[row, column] <= limit]


def _columns_of_rows(cost: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return for each of N rows its column (N,), for costs (N, M) with N <= M."""
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1, dtype=np.intp)
    for row in range(rows):
        _augment(cost, row, row_price, column_price, owner)
    matched = np.empty(rows, dtype=np.intp)
    taken = np.flatnonzero(owner >= 0)
    matched[owner[taken]] = taken
    return matched


def _augment(
    cost: NDArray[np.float64],
    start: int,
    row_price: NDArray[np.float64],
    column_price: NDArray[np.float64],
    owner: NDArray[np.intp],
) -> None:
    """Give row `start` a column along the cheapest path of re-pairings; changes the last three."""
    columns = cost.shape[1]
    distance = np.full(columns, np.inf)
    came_from = np.full(columns, -1, dtype=np.intp)
    done = np.zeros(columns, dtype=bool)
    column, row, reached = -1, start, 0.0
    while row >= 0:
        reduced = reached + cost[row] - row_price[row] - column_price
        closer = ~done & (reduced < distance)
        distance[closer] = reduced[closer]
        came_from[closer] = column
        column = int(np.argmin(np.where(done, np.inf, distance)))
        reached = float(distance[column])
        done[column] = True
        row = int(owner[column])
    visited = np.flatnonzero(done & (owner >= 0))
    row_price[owner[visited]] += reached - distance[visited]
    row_price[start] += reached
    column_price[done] -= reached - distance[done]
    while column >= 0:
        before = int(came_from[column])
        owner[column] = start if before < 0 else owner[before]
        column = before
