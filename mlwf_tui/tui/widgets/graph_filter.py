"""What a person writes to see only some nodes of the lineage: `kind:model since:7d ada`; no widget."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from mlwf_tui.entities.lineage import LineageNode
from mlwf_tui.errors import InvalidParameter

HELP = "words  kind:model,run  state:failed  author:ada  tag:best  since:7d  before:2026-01-31  hidden:yes"
_AGE = re.compile(r"(\d+)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}
_KEYS = ("kind", "state", "author", "tag", "since", "before", "hidden")
_HIDDEN = ("yes", "all", "no")


class NodeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All of it must hold of a node; what is empty asks for nothing."""

    text: str = ""  # as it was written
    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    author: str = ""
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    before: datetime | None = None
    hidden: str = ""  # "yes": only what was hidden for all; "all": that as well

    @property
    def is_set(self) -> bool:
        return bool(self.text)

    def wants(self, node: LineageNode, author: str) -> bool:
        """Whether the node is to be drawn; `author` is that of its run where it has none."""
        heard = f"{node.title} {node.detail}".casefold()
        return (
            (not self.kinds or node.kind in self.kinds)
            and (not self.states or node.state in self.states)
            and self.author in author.casefold()
            and all(tag in node.tags for tag in self.tags)
            and (self.since is None or node.created_at >= self.since)
            and (self.before is None or node.created_at < self.before)
            and all(word in heard for word in self.words)
            and (self.hidden != "yes" or node.is_hidden)
        )


def parse_filter(text: str, now: datetime) -> NodeFilter:
    """Return what `text` asks for; ages are counted back from `now`.

    Raises:
        InvalidParameter: a key is unknown, or a value cannot be read.
    """
    words: list[str] = []
    said: dict[str, list[str]] = {key: [] for key in _KEYS}
    for part in text.split():
        key, colon, value = part.partition(":")
        if not colon:
            words.append(part.casefold())
        elif key not in said or not value:
            raise InvalidParameter(f"A node cannot be filtered by {part!r}.", hint=f"There are {HELP}.")
        else:
            said[key] += value.split(",")
    hidden = said["hidden"][-1] if said["hidden"] else ""
    if hidden and hidden not in _HIDDEN:
        raise InvalidParameter(f"hidden:{hidden} says nothing.", hint="Write hidden:yes or hidden:all.")
    return NodeFilter(
        text=" ".join(text.split()),
        words=tuple(words),
        kinds=tuple(said["kind"]),
        states=tuple(said["state"]),
        author=" ".join(said["author"]).casefold(),
        tags=tuple(said["tag"]),
        since=_read_time(said["since"], now),
        before=_read_time(said["before"], now),
        hidden="" if hidden == "no" else hidden,
    )


def _read_time(said: list[str], now: datetime) -> datetime | None:
    if not said:
        return None
    age = _AGE.fullmatch(said[-1])
    if age is not None:
        hours = min(int(age[1]), 10_000) * _HOURS[age[2]]
        return now - timedelta(hours=hours)
    try:
        found = datetime.fromisoformat(said[-1])
    except ValueError as error:
        raise InvalidParameter(
            f"{said[-1]!r} is no time.", hint="Write an age like 12h, 7d or 2w, or a day like 2026-01-31."
        ) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
