"""Starts the command line; `python -m mlwf_tui` and the installed command `mlwf`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from mlwf_tui.cli.main import main as run

        sys.exit(run())
    except KeyboardInterrupt:  # before the command line's own boundary stands, or after it
        sys.exit(130)


if __name__ == "__main__":
    main()
