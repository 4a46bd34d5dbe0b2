"""Readers of dataset formats; none of them writes, or leaves the folder that it was given."""
