"""Gauges: each reads the GPUs of one vendor."""
