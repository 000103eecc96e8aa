"""A small web to crawl, from pages on disk."""
