"""The verbs: one file each, functions that take a Workspace first. No terminal, no printing."""
