"""Whether the product runs on the Python that it is shipped for: `python -m tests.runtime` (`make test-runtime`)."""
