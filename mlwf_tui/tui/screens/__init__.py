"""Screens: they ask the workflow from workers and hand values down to widgets."""
