"""Makers of items from items: augmentations, splits, filters."""
