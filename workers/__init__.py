"""Who thinks: networks, weights, runtimes, the pipeline and the worker process."""
