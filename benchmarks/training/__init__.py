"""Training speed: `make bench-training`."""
