"""Training runs: begun, prepared, trained by the Trainer port, registered as models, closed."""
