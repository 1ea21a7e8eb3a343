"""What `ostiary up` does: starts every process, keeps it running, stops it, brings up the demo."""
