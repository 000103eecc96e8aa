"""The quality metrics as compiled kernels over a whole batch of texts."""
