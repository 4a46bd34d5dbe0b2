"""The search in a process of its own: what it finds, as the log grows, and when it is hopeless."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import pytest

from mlwf_tui.logs import log_file
from mlwf_tui.logs.levels import Level
from mlwf_tui.logs.line_set import LineSet
from mlwf_tui.logs.log_file import open_whole
from mlwf_tui.logs.patience import compile_pattern, find_fault, limit
from mlwf_tui.logs.query import MAX_HARD_LINES, Finder, Query, read_query
from mlwf_tui.logs.seeker import Found, Seeker

LINES = [f"row {number} {'HIT' if number % 7 == 0 else 'miss'}" for number in range(3000)]


def find_in_process(path: Path, query: Query) -> tuple[list[int], Found]:
    seeker, lines, found = Seeker(path, query), LineSet(), None
    for found in seeker.iter_found():
        lines.put(found.first_page, found.pages)
        if found.is_complete:
            break
    seeker.close()
    assert found is not None
    return [lines.get(place) for place in range(len(lines))], found


def find_here(path: Path, query: Query) -> list[int]:
    log = open_whole(path)
    finder = Finder(log, query)
    return sorted({row for index in range(log.block_count) for row in finder.find(index)[1]})


@pytest.mark.parametrize("block_bytes", [50, 1 << 16])
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("hit", [n for n, line in enumerate(LINES) if "HIT" in line]),
        ("HIT", [n for n, line in enumerate(LINES) if "HIT" in line]),
        ("Hit", []),
        (r"row 5\d ", list(range(50, 60))),
        (r"^row 1\S? ", [1, *range(10, 20)]),
        (r"miss$", [n for n, line in enumerate(LINES) if "miss" in line]),
        (r"7\s+HIT", [n for n, line in enumerate(LINES) if re.search(r"7\s+HIT", line)]),
        ("!hit", [n for n, line in enumerate(LINES) if "HIT" not in line]),
        ("a(b", []),
    ],
)
def test_an_expression_finds_its_lines_over_block_borders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, expected: list[int], block_bytes: int
) -> None:
    monkeypatch.setattr(log_file, "BLOCK_BYTES", block_bytes)
    path = tmp_path / "log"
    path.write_text("\n".join(LINES))
    assert find_here(path, read_query(pattern)) == expected


@pytest.mark.parametrize(
    "pattern", ["hit", r"row 5\d ", r"^row 1\S? ", "miss$", "miss ", r"7\s+HIT", "!hit", "a(b"]
)
def test_lines_in_colours_are_found_as_they_are_shown(tmp_path: Path, pattern: str) -> None:
    plain, coloured = tmp_path / "plain", tmp_path / "coloured"
    plain.write_text("\n".join(LINES))
    coloured.write_text("\n".join(f"\x1b[34m{line[:5]}\x1b[0m{line[5:]}  \x1b[m" for line in LINES))
    assert find_here(coloured, read_query(pattern)) == find_here(plain, read_query(pattern))


@pytest.mark.parametrize("pattern", ["a(b", "\udcff"])
def test_what_is_no_expression_is_plain_text(pattern: str) -> None:
    assert find_fault(pattern)
    assert compile_pattern(pattern).search(f"x {pattern} y")
    assert not find_fault(re.escape("a(b"))


def test_the_process_finds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join(LINES * 20))
    for query in (Query("hit"), Query(r"row 5\d "), Query("hit", is_inverted=True), Query(level=Level.ERROR)):
        assert find_in_process(path, query)[0] == find_here(path, query)


def test_what_is_shown_is_searched_and_not_what_was_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("  loading\r\x1b[Kdone\nloading\nlo\x1b[31mad\x1b[0ming\n")
    assert find_here(path, Query("loading")) == [1, 2]


def test_lines_that_are_appended_are_found_and_those_overwritten_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a hit\nbar hit")
    seeker, lines = Seeker(path, Query("hit")), LineSet()
    found = seeker.iter_found()
    for one in islice(found, 1):
        lines.put(one.first_page, one.pages)
    assert len(lines) == 2
    with path.open("a") as file:
        file.write("\r\x1b[Kdone\nhit again\n")
    seeker.go_on()
    for one in islice(found, 1):
        lines.put(one.first_page, one.pages)
    assert [lines.get(place) for place in range(len(lines))] == [0, 2]
    seeker.close()


def test_a_hopeless_expression_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(("a" * 60 + "b\n") * 60)
    lines, found = find_in_process(path, Query("(a+)+$"))
    assert lines == []
    assert found.hard_lines > MAX_HARD_LINES


def test_one_hard_line_does_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("aaa\n" + "a" * 60 + "b\naa\n")
    lines, found = find_in_process(path, Query("^(a+)+$"))
    assert lines == [0, 2]
    assert found.hard_lines == 1


def test_a_match_that_would_not_end_is_ended() -> None:
    with pytest.raises(TimeoutError), limit(0.05):
        re.search("(a+)+$", "a" * 60 + "b")


def test_case_matters_only_with_a_capital_outside_of_escapes() -> None:
    assert compile_pattern(r"\S+ error").search("an ERROR")
    assert not compile_pattern("Error").search("an ERROR")
    assert compile_pattern("a(b").search("xA(By")


def test_a_log_that_cannot_be_read_ends_the_search_and_says_nothing_over_the_app(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seeker = Seeker(tmp_path, Query("hit"))  # a folder, which no one can read as a file
    assert list(seeker.iter_found()) == []
    seeker.close()
    assert capfd.readouterr().err == ""
