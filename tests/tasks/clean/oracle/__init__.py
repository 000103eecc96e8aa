"""The metrics in plain Python, one function a metric: what the compiled engine is held to."""
