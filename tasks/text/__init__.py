"""Text handling that cleaning and dialogue share."""
