"""What is made from the code is not stale, and the man page is one that man can show."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from docs.making.make import FILES, ROOT
from mlwf_tui.settings import Settings


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_made_from_the_code_is_as_the_code_is(path: Path) -> None:
    assert path.read_text("utf-8") == FILES[path](), "stale: python -m docs.making.make"


def test_every_setting_says_what_it_means() -> None:
    rows = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8").splitlines()
    told = {row.split("`")[1]: row.rsplit("|", 2)[1].strip() for row in rows if row.startswith("| `")}
    assert list(told) == list(Settings.__struct_fields__)
    assert [name for name, text in told.items() if not text] == []


@pytest.mark.skipif(shutil.which("man") is None, reason="there is no man here")
def test_man_shows_the_page_without_a_complaint() -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", str(ROOT / "docs" / "man" / "mlwf.1")], capture_output=True, text=True,
        env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, check=False,
    )  # fmt: skip
    if "minimized" in done.stdout:  # a container without manual pages has a man that shows none
        pytest.skip("man is a stub here")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mlwf train [OPTIONS] [REF]" in done.stdout
