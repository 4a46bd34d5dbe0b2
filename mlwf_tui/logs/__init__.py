"""Logs of runs: the bytes in their parts, lines as a terminal shows them, levels, searching, rotation."""
