"""Checkouts: folders that hold a version, their edits, and what a killed process left of them."""
