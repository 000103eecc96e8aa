"""The frozen evaluation artifact, and checkpoints measured on it."""
