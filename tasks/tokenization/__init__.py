"""documents/ become tokens/: train or load a tokenizer, encode."""
