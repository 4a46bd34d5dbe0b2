"""The words of the project as frozen values; no I/O, no behaviour beyond what a value knows of itself."""
