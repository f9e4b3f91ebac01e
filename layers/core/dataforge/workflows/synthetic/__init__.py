"""Datasets from a description: the use cases of the synthetic API, one module per state of a run."""
