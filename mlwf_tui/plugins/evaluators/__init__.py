"""Evaluators: a file for each task; what they work out lives in mlwf_tui.evaluation."""
