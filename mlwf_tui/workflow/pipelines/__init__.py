"""How a pipeline is read, checked whole, and done step by step."""
