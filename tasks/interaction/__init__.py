"""Talking to a model: sessions, prompt files, transcripts."""
