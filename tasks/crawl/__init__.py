"""Sources become raw/: web pages over HTTP, books and news from files."""
