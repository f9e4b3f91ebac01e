"""Datasets from a description: what to ask for the four synthetic schemas, and how to read the reply."""
