"""What commands print with --json is what their schemas say, with no key that they do not tell of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from docs.making.documents import DOCUMENTS, make_schema
from mlwf_tui.cli.main import main
from tests.making import make_voc

WALK = (
    "import {voc} cells -m one", "import {voc} other", "import {voc} cells --detach", "projects", "stats",
    "operations crop", "commit cells", "transform flip cells --to flipped", "transform flip cells --dry-run",
    "restore cells@1", "undo flipped", "redo flipped", "copy cells@1 branch", "merge cells branch",
    "tag cells@1 golden", "untag cells@golden", "checkout cells@1 {out}/tree", "sync {out}/tree",
    "export cells {out}/voc --format voc", "check other", "verify", "collect", "backup {out}/backup",
    "leaderboard cells", "commit nothing",
)  # fmt: skip


def close(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that allows no key besides those it names."""
    for part in schema["$defs"].values():
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


def test_the_documents_of_a_walk_are_what_the_schemas_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_voc(tmp_path / "voc", {"a.jpg": [("cell", 2, 3, 20, 21)], "b.jpg": []}, splits={"train": ["a", "b"]})
    seen = set()
    for line in WALK:
        words = line.format(voc=tmp_path / "voc", out=tmp_path / "out").split()
        main(["--home", str(tmp_path / "home"), *words, "--json"])
        document = json.loads(capsys.readouterr().out)
        assert ("error" in document) == (line == "commit nothing"), (line, document)
        jsonschema.validate(document, close(make_schema(words[0])))
        seen.add(words[0])
    assert seen == set(DOCUMENTS)


def test_a_key_too_many_is_seen() -> None:
    document = {"error": {"kind": "usage", "message": "", "hint": ""}, "more": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, close(make_schema("commit")))
