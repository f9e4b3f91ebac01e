"""The asynchronous client, `AsyncDataForge`, and the source from which the synchronous one is generated.

Every file here but this one and `runtime.py` has a generated counterpart of the same name one folder up; after an edit
run `python client/generate_sync.py` (or `make sync-client`). A test fails when they differ.
"""
