"""Samplers: what a search tries next. Optuna lives here alone."""
