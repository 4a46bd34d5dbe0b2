"""Starts the command line; `python -m mlwf_tui` and the installed command `mlwf`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from mlwf_tui.cli.main import main as run  # keeps `import mlwf_tui.__main__` free

    sys.exit(run())


if __name__ == "__main__":
    main()
