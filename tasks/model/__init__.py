"""What a checkpoint needs to speak: presets, chat template, sampling, generation, folder I/O."""
