"""Starts the command line; `python -m mlwf_tui` and the installed command `mlwf`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    # Commands leave little garbage: 700 looks for it forty times while modules load, in vain, for 10 ms, and
    # 20,000 twice to five times more while an import or a checkout works, for 8 ms each.
    gc.set_threshold(100_000)
    try:
        from mlwf_tui.cli.ahead import start_ahead

        ahead = start_ahead(sys.argv[1:])
        try:
            from mlwf_tui.cli.main import main as run

            code = run(ahead=ahead)
        finally:
            if ahead:
                ahead.end()
        gc.freeze()  # or Python goes through everything once more as it leaves: 15 ms
        sys.exit(code)
    except KeyboardInterrupt:  # before the command line's own boundary stands, or after it
        sys.exit(130)


if __name__ == "__main__":
    main()
