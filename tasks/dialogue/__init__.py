"""Corpora of any format become dialogues/, and those masked token shards."""
