"""What the documents say of our files is true of them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
MODULE = re.compile(r"`((?:[a-z_]+/)*[a-z_]+\.py)`")


def test_a_module_that_a_document_names_is_there_and_no_other_can_be_meant() -> None:
    ours = [path.relative_to(ROOT).as_posix() for path in (ROOT / "mlwf_tui").rglob("*.py")]
    named = {(d.name, name) for d in DOCUMENTS for name in MODULE.findall(d.read_text(encoding="utf-8"))}
    assert len(named) > 50
    wrong = {}
    for document, name in named:
        found = [path for path in ours if path.endswith(f"/{name}")]
        at_the_top = f"mlwf_tui/{name}" in found or (ROOT / name).is_file()
        if len(found) != 1 and not at_the_top:
            wrong[f"{document}: {name}"] = found
    assert wrong == {}
