"""How a person wants a node of the lineage shown: words, icon, link, tags, or not at all; and their rules."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import msgspec

MAX_TITLE = 200
MAX_DESCRIPTION = 2_000
CUT = "…"
_TURNING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of what stands behind them, also beyond the text's own end."""


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands on a node beside what mlwf knows of it; an empty field says nothing."""

    title: str = ""
    description: str = ""
    icon: str = ""  # the name of a Material icon
    icon_color: str = ""
    icon_bg_color: str = ""
    url: str = ""
    url_title: str = ""
    shown_as: str = ""  # "project": of a dataset, that the version which it is of is drawn alone
    tags: tuple[str, ...] = ()  # sorted; of a version they are beside those that name it
    is_hidden: bool = False  # left out wherever people look at the lineage, until it is shown again


TEXTS = tuple(name for name in Card.__struct_fields__ if name not in ("tags", "is_hidden"))
"""The fields that hold a text."""


def make_card(texts: Mapping[str, str | None]) -> Card:
    """Return the card with these of TEXTS on it."""
    return msgspec.structs.replace(Card(), **{name: text or "" for name, text in texts.items()})


def complete_card(card: Card) -> tuple[Card, tuple[str, ...]]:
    """Return a card that can be shown as it is, and what was changed to make it so, in words.

    Icon and its two colours go together, and so do link and title of the link: half of them are left out.
    Texts lose what a terminal must not show, and are cut where they are too long.
    """
    changes: list[str] = []
    if not _all_or_none(card.icon, card.icon_color, card.icon_bg_color):
        changes.append("icon, icon_color and icon_bg_color are left out: all three are needed")
        card = msgspec.structs.replace(card, icon="", icon_color="", icon_bg_color="")
    if not _all_or_none(card.url, card.url_title):
        changes.append("url and url_title are left out: both are needed")
        card = msgspec.structs.replace(card, url="", url_title="")
    shown: dict[str, str] = {}
    for name in TEXTS:
        limit = MAX_DESCRIPTION if name == "description" else MAX_TITLE
        text = getattr(card, name)
        shown[name] = show_safely(text, limit)
        if shown[name] != text:
            changes.append(f"the {name} is shown without control characters and in {limit:,} characters")
    return msgspec.structs.replace(card, **shown), tuple(changes)


def merge_cards(before: Card, after: Card) -> Card:
    """Return the card that `after` makes of `before`: what it says nothing of stays."""
    said = {name: getattr(after, name) for name in after.__struct_fields__ if getattr(after, name)}
    return msgspec.structs.replace(before, **said)


def show_safely(text: str, limit: int = MAX_TITLE) -> str:
    """Return one line that any terminal can show; line breaks and tabs are spaces.

    Control characters and those that turn the direction of writing are left out.
    """
    spaced = text.replace("\n", " ").replace("\t", " ") if "\n" in text or "\t" in text else text
    if not spaced.isprintable():
        spaced = "".join(
            c for c in spaced if c not in _TURNING and unicodedata.category(c) not in ("Cc", "Cs")
        )
    return spaced if len(spaced) <= limit else spaced[: limit - 1] + CUT


def _all_or_none(*texts: str) -> bool:
    return all(texts) or not any(texts)
