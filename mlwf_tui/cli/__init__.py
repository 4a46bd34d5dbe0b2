"""The command line: one command per verb, text for people, `--json` for scripts."""
