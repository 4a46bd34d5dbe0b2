"""How good predictions are, from truths and predictions alone: NumPy, no I/O, no model library."""
