"""Batches, optimizer, loop, checkpoints, worker and launch: shared by pretraining and fine-tuning."""
