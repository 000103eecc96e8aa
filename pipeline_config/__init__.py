"""Everything that can be set: frozen pydantic models, one file a stage, composed by `run.py`."""
