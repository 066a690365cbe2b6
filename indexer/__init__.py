"""The writing side of Citewell: from files to a searchable store."""
