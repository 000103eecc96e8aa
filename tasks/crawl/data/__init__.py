"""What people have already: texts, tables, data sets, dumps of wikis and source code."""
