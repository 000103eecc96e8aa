"""raw/ becomes extracted/ and then documents/: extract, measure, select, deduplicate."""
