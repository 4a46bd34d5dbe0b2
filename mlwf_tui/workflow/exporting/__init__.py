"""How items are made to fit a format, and images placed."""
