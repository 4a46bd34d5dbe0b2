"""Makes all that is written from the code: `python -m docs.making.make`. A test says when it is stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from docs.making import commands, documents, keys, parameters, settings

ROOT = Path(__file__).parents[2]
FILES: Mapping[Path, Callable[[], str]] = {
    parameters.PATH: parameters.make_parameters,
    ROOT / "docs" / "reference" / "commands.md": commands.make_commands,
    ROOT / "docs" / "reference" / "exit-codes.md": commands.make_exit_codes,
    ROOT / "docs" / "reference" / "keys.md": keys.make_keys,
    ROOT / "docs" / "reference" / "settings.md": settings.make_settings,
    ROOT / "docs" / "man" / "mlwf.1": commands.make_man_page,
    **{
        documents.FOLDER / f"{name}.json": partial(documents.write_schema, name)
        for name in documents.DOCUMENTS
    },
}


def main() -> None:
    for path, make in FILES.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), "utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
