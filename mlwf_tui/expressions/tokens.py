"""Cuts the text of an expression into tokens, each with its place; knows no grammar."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from mlwf_tui.errors import InvalidParameter

MAX_LENGTH: Final = 10_000


class TokenKind(StrEnum):
    """What a token is."""

    NUMBER = "a number"
    TEXT = "a text"
    WORD = "a word"
    SIGN = "a sign"
    END = "the end"


class Token(NamedTuple):
    """A piece of an expression. `value` is what a text says without its quotes and escapes."""

    kind: TokenKind
    value: str
    place: int  # of its first character, from 0


_TOKEN = re.compile(
    r"""(?P<SPACE>\s+)
    | (?P<NUMBER>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w]))
    | (?P<TEXT>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
    | (?P<WORD>[^\W\d][\w-]*(?:\.[\w-]+)*)
    | (?P<SIGN>==|!=|<=|>=|=|<|>|~|\(|\)|,|!|&&|\|\|)
    """,
    re.VERBOSE | re.DOTALL,
)

_UNIT = re.compile(r"-?\d[\d.]*\w+")
_SHOWN: Final = 80


def cut_tokens(text: str) -> list[Token]:
    """Return the tokens of an expression with an END behind them.

    Raises:
        InvalidParameter: a character or an open quote that no expression has, with its place.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidParameter(
            f"The expression has {len(text):,} characters; at most {MAX_LENGTH:,} are read.",
            hint="Split it over several steps.",
        )
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise make_error(text, place, *_explain(text, place))
        if match.lastgroup not in (None, "SPACE"):
            kind = TokenKind[str(match.lastgroup)]
            value = match.group()
            tokens.append(Token(kind, _unquote(value) if kind is TokenKind.TEXT else value, place))
        place = match.end()
    tokens.append(Token(TokenKind.END, "", len(text)))
    return tokens


def _explain(text: str, place: int) -> tuple[str, str]:
    """Return what is wrong with a character that begins no token, and what to write instead, if known."""
    if text[place] in "\"'":
        return "this quote is not closed", ""
    if number := _UNIT.match(text, place):
        return f"{number.group()} is no number", "Write it as a plain number, such as 10000."
    if text[place] in "/*?[":
        return (
            f"{text[place]!r} means nothing outside of quotes",
            'Write a text in quotes: key == "main/a.jpg".',
        )
    return f"{text[place]!r} means nothing here", ""


def make_error(text: str, place: int, what: str, hint: str = "") -> InvalidParameter:
    """Return an error that shows where in an expression something is wrong."""
    words = " ".join(text.split())  # a person sees one line
    shown = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
    near = text[place : place + 20].split("\n")[0]
    where = f"at character {place + 1}" + (f", {near!r}" if near else ", its end")
    return InvalidParameter(
        f"The expression does not parse {where}: {what}.",
        hint=hint or f"It reads: {shown}" if shown else 'Write one, for example: count("cat") >= 2.',
    )


def _unquote(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)
