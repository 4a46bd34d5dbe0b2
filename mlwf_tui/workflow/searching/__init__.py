"""What a search for parameters is made of: its plan, its trials, and how it goes."""
