"""Readers of videos; found by name, each by itself."""
