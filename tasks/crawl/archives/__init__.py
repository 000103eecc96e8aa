"""Web archives: the pages of WARC and WET files."""
