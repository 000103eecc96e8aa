"""The stages, a folder each, read top to bottom; a stage's Prefect wrapper is its `task.py`."""
