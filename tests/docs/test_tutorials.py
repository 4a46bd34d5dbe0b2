"""Every tutorial is done as it is written: its bash and Python blocks, in a new home, on images made here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.making import make_voc

DOCS = Path(__file__).parents[2] / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
TRAINING = {"2-train", "5-compare"}
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with `cells`, the images that all tutorials begin with."""
    names = [f"{letter}.jpg" for letter in "abcdefghijkl"]
    boxes = {
        name: [("RBC", 4 + n, 3, 24 + n, 21), ("WBC", 30, 20 + n % 5, 50, 40)] for n, name in enumerate(names)
    }
    stems = [name[0] for name in names]
    make_voc(tmp_path / "cells", boxes, splits={"train": stems[:8], "val": stems[8:]})
    binary = tmp_path / "bin" / "mlwf"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m mlwf_tui "$@"\n')
    binary.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, id=p.stem, marks=[pytest.mark.slow] * (p.stem in TRAINING)) for p in TUTORIALS],
)
def test_a_tutorial_works_as_it_is_written(path: Path, place: Path) -> None:
    blocks = BLOCK.findall(path.read_text("utf-8"))
    assert len(blocks) >= 2
    environment = os.environ | {
        "MLWF_HOME": str(place / "home"), "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
    }  # fmt: skip
    for language, text in blocks:
        program = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
        done = subprocess.run(
            [*program, text], cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def test_there_are_five_tutorials() -> None:
    assert [path.stem[:2] for path in TUTORIALS] == ["1-", "2-", "3-", "4-", "5-"]


def test_every_link_between_the_documents_leads_somewhere() -> None:
    documents = [DOCS.parent / "README.md", *DOCS.rglob("*.md")]
    links = [(document, link) for document in documents for link in LINK.findall(document.read_text("utf-8"))]
    local = [(document, link) for document, link in links if "://" not in link]
    assert len(local) > 30
    broken = [f"{d.name}: {link}" for d, link in local if not (d.parent / link).exists()]
    assert broken == []
