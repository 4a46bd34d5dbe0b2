"""Widgets: each draws a value and posts its own messages; none knows the workflow or the app."""
