"""The reading side of Citewell: from a question to cited passages."""
