"""The page for those who come from other programs names mlwf's keys as they are."""

from __future__ import annotations

import re
from pathlib import Path

from mlwf_tui.tui.keys import KEYS_BY_ID

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "coming-from.md"
NAMED = re.compile(r"((?:`[^`]+` )+)<!-- (\w+) -->")


def test_every_key_that_the_page_names_is_that_of_its_action() -> None:
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 15
    for keys, id in named:
        assert re.findall(r"`([^`]+)`", keys) == KEYS_BY_ID[id].displays.split(), id


def test_every_row_of_keys_says_which_action_it_speaks_of() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## Keys")[2].partition("## Features")[0]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [row[0] for row in rows if not NAMED.search(f"{row[1]} ")] == []
