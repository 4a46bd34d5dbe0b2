"""Puts files into a store and gets them back, in a process of its own: what training does with checkpoints.

python -m benchmarks.blobs put STORE LABEL FOLDER | get STORE LABEL FOLDER | verify STORE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mlwf_tui.store.store import Store


class SilentObserver:
    """Tells nobody."""

    def progress(self, step: int, total: int | None, message: str) -> None:
        """Pass over it."""

    def metric(self, key: str, value: float, step: int) -> None:
        """Pass over it."""

    def check_cancelled(self) -> None:
        """Nobody asks for a stop."""


def put(folder: Path, label: str, source: Path) -> None:
    with Store(folder) as store, store.writer() as writer:
        digests = {path.name: writer.put_file(path)[0] for path in sorted(source.iterdir())}
    (folder / f"{label}.json").write_text(json.dumps(digests))


def get(folder: Path, label: str, target: Path) -> None:
    target.mkdir(exist_ok=True)
    with Store(folder) as store:
        for name, digest in json.loads((folder / f"{label}.json").read_text()).items():
            with (target / name).open("wb") as file:
                for chunk in store.iter_chunks(digest):
                    file.write(chunk)


def verify(folder: Path) -> None:
    with Store(folder) as store:
        problems = store.verify(SilentObserver()).problems
    if problems:
        raise SystemExit(f"{len(problems)} problems, first {problems[0]}")


def main() -> None:
    verb, folder, *rest = sys.argv[1:]
    match verb, rest:
        case "put", [label, source]:
            put(Path(folder), label, Path(source))
        case "get", [label, target]:
            get(Path(folder), label, Path(target))
        case "verify", []:
            verify(Path(folder))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
