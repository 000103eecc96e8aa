"""The web over HTTP: pages, sitemaps, feeds and articles."""
