"""YAML of people who mean well, and of those who do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.errors import InvalidParameter
from mlwf_tui.formats.yaml_nodes import MAX_BYTES, MAX_DEPTH, MAX_NODES, read_yaml


def read(text: str) -> object:
    return read_yaml(text.encode(), "a.yaml").to_plain()


def refusal(text: str | bytes) -> InvalidParameter:
    with pytest.raises(InvalidParameter) as caught:
        read_yaml(text if isinstance(text, bytes) else text.encode(), "a.yaml")
    return caught.value


def test_values_are_plain_and_know_their_lines() -> None:
    root = read_yaml(b"a: 1\nb:\n  - x\n  - {c: 2.5, d: true, e: null}\n", "a.yaml")
    assert root.to_plain() == {"a": 1, "b": ["x", {"c": 2.5, "d": True, "e": None}]}
    assert root.key_lines == {"a": 1, "b": 2}
    assert isinstance(root.value, dict)
    entries = root.value["b"].value
    assert isinstance(entries, list)
    assert [entry.line for entry in entries] == [3, 4]


@pytest.mark.parametrize(
    ("text", "value"),
    [("no", "no"), ("on", "on"), ("2024-01-01", "2024-01-01"), ("1:30", "1:30"), ("'1'", "1"), ("0o7", "0o7"),
     ("1e3", 1000.0), ("-3", -3), ("~", None), ("True", True), (".5", 0.5), ("9" * 30, "9" * 30)],
)  # fmt: skip
def test_plain_words_are_what_they_look_like(text: str, value: object) -> None:
    assert read(f"a: {text}") == {"a": value}


def test_an_alias_is_the_same_value_again() -> None:
    assert read("a: &x {p: 1}\nb: *x") == {"a": {"p": 1}, "b": {"p": 1}}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3:", "twice, first in line 1"),
        ("a:\n  - b: 1\n    b: 2\n", "a.yaml:3:", "twice"),
        ("a: !!python/object/apply:os.system [ls]\n", "a.yaml:1:", "tag"),
        ("a: !mine 1\n", "a.yaml:1:", "tag"),
        ("a: &x [*x]\n", "a.yaml:1:", "not defined"),
        ("a: *y\n", "a.yaml:1:", "undefined alias|not defined"),
        ("base: &b {x: 1}\na:\n  <<: *b\n", "a.yaml:3:", "merge keys"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2:", "second document"),
        ("? [a, b]\n: 1\n", "a.yaml:1:", "a key is a list"),
        ("? {a: b}\n: 1\n", "a.yaml:1:", "a key is a list or a mapping"),
        ("true: 1\n", "a.yaml:1:", "a key is True"),
        ("a: [1, 2\nb: 3\n", "a.yaml:2:", "expected|did not find"),
        ("a: 'x\n", "a.yaml:", "quoted scalar"),
        ("\ta: 1\n", "a.yaml:1:", "cannot start any token"),
        ("", "a.yaml:1:", "nothing"),
        ("# only a remark\n", "a.yaml:1:", "nothing"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, place: str, words: str) -> None:
    error = refusal(text)
    assert error.message.startswith(place)
    assert any(word in error.message for word in words.split("|")), error.message
    assert error.hint


def test_aliases_cannot_make_gigabytes_of_a_few_lines() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    error = refusal("\n".join(lines))
    assert f"{MAX_NODES:,} values" in error.message


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_no_depth_breaks_the_stack(opening: str) -> None:
    assert f"{MAX_DEPTH} levels" in refusal(opening * 20_000).message or refusal(opening * 20_000).hint


def test_a_large_file_is_refused_before_it_is_parsed() -> None:
    assert "larger than" in refusal(b"a: " + b"x" * MAX_BYTES).message


@pytest.mark.parametrize(
    "content", [b"a: \xff\xfe", b"\x00\x01", b"a: \x1b[31m", "a: \x85\ud7ff\ufffe".encode()]
)
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    try:
        read_yaml(content, "a.yaml")
    except InvalidParameter as error:
        assert error.message.startswith("a.yaml")
        return
    assert content.startswith(b"a: \xc2\x85")  # a line break to YAML


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_yaml(text.encode("utf-8", "surrogatepass"), "a.yaml")
    except InvalidParameter as error:
        assert error.message


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        read_yaml(content, "a.yaml")
    except InvalidParameter as error:
        assert error.message
