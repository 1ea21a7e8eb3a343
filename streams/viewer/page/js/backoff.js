// Knows how long to wait before the next try. Does not know what is tried.

/** Full jitter: anything between a quarter and the whole of a bound that doubles. */
export function wait_ms(attempt, { first_ms = 500, most_ms = 10_000, random = Math.random } = {}) {
  const bound = Math.min(most_ms, first_ms * 2 ** Math.min(attempt, 16));
  return Math.round(bound * (0.25 + 0.75 * random()));
}
