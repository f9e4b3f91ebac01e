"""The training program, in an environment of its own (`make test-training`): real training of tiny models."""
