"""What a person writes to see only some nodes of the lineage: `kind:model since:7d ada`; no widget."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from mlwf_tui.entities.lineage import RUN_KIND, LineageNode
from mlwf_tui.entities.project import VersionKind
from mlwf_tui.entities.run import ArtifactKind, RunState
from mlwf_tui.errors import InvalidParameter

HELP = (
    "words  kind:model,run  state:failed  author:ada  tag:best  since:7d  before:2026-01-31  hidden:yes\n"
    '-kind:run leaves those out  "p: flip" is one word'
)
KINDS = (RUN_KIND, *(kind.value for kind in ArtifactKind))
STATES = (*(state.value for state in RunState), *(kind.value for kind in VersionKind), "deleted")
_AGE = re.compile(r"(\d+)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}
_KEYS = ("kind", "state", "author", "tag", "since", "before", "hidden")
_SINGLE = ("since", "before", "hidden")
_HIDDEN = ("yes", "all", "no")
_PART = re.compile(r'(?:[^\s"]|"[^"]*"?)+')


class NodeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All of it must hold of a node; what is empty asks for nothing."""

    text: str = ""  # as it was written
    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()  # one of them
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    before: datetime | None = None
    hidden: str = ""  # "yes": only what was hidden for all; "all": that as well
    without: tuple[NodeFilter, ...] = ()  # what one of these wants is left out

    @property
    def is_set(self) -> bool:
        return bool(self.text)

    @property
    def needs_authors(self) -> bool:
        return bool(self.authors) or any(one.authors for one in self.without)

    def wants(self, node: LineageNode, author: str) -> bool:
        """Whether the node is to be drawn; `author` is that of its run where it has none."""
        heard = f"{node.title} {node.detail}".casefold()
        return (
            (not self.kinds or node.kind in self.kinds)
            and (not self.states or node.state in self.states)
            and (not self.authors or any(name in author.casefold() for name in self.authors))
            and all(tag in node.tags for tag in self.tags)
            and (self.since is None or node.created_at >= self.since)
            and (self.before is None or node.created_at < self.before)
            and all(word in heard for word in self.words)
            and (self.hidden != "yes" or node.is_hidden)
            and not any(one.wants(node, author) for one in self.without)
        )


def parse_filter(text: str, now: datetime) -> NodeFilter:
    """Return what `text` asks for; ages are counted back from `now`, days are those of this machine.

    Raises:
        InvalidParameter: a key, kind or state is unknown, or a value cannot be read.
    """
    if text.count('"') % 2:
        raise InvalidParameter(
            "A quote is not closed.", hint='Write "p: flip" to look for that as it stands.'
        )
    parts = _PART.findall(text)
    wanted = [part for part in parts if not _is_negated(part)]
    without = tuple(_read_parts([part[1:]], now) for part in parts if _is_negated(part))
    return replace(_read_parts(wanted, now), text=" ".join(text.split()), without=without)


def find_fault(text: str, now: datetime) -> str:
    """Return what is wrong with a filter, or ""."""
    try:
        parse_filter(text, now)
    except InvalidParameter as error:
        return f"{error.message}\n{error.hint}"
    return ""


def _is_negated(part: str) -> bool:
    return len(part) > 1 and part.startswith("-")


def _read_parts(parts: Sequence[str], now: datetime) -> NodeFilter:
    words: list[str] = []
    said: dict[str, list[str]] = {key: [] for key in _KEYS}
    for part in parts:
        key, colon, value = part.partition(":")
        key, value = key.casefold(), value.replace('"', "")
        if not colon or part.startswith('"'):
            words.append(part.replace('"', "").casefold())
        elif key not in said or not value:
            raise InvalidParameter(
                f"A node cannot be filtered by {part!r}.",
                hint=f'There are {HELP}: write "{part}" for that word.',
            )
        else:
            said[key] += value.split(",")
    for key in _SINGLE:
        if len(said[key]) > 1:
            raise InvalidParameter(f"{key}: takes one value.", hint=f"Write {key}:{said[key][-1]}, for one.")
    hidden = said["hidden"][0] if said["hidden"] else ""
    if hidden and hidden not in _HIDDEN:
        raise InvalidParameter(f"hidden:{hidden} says nothing.", hint="Write hidden:yes or hidden:all.")
    return NodeFilter(
        words=tuple(words),
        kinds=_read_names("kind", said["kind"], KINDS),
        states=_read_names("state", said["state"], STATES),
        authors=tuple(name.casefold() for name in said["author"]),
        tags=tuple(said["tag"]),
        since=_read_time(said["since"], now),
        before=_read_time(said["before"], now),
        hidden="" if hidden == "no" else hidden,
    )


def _read_names(key: str, said: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    names = tuple(name.casefold() for name in said)
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise InvalidParameter(f"There is no {key} {unknown!r}.", hint=f"Choose from {', '.join(known)}.")
    return names


def _read_time(said: Sequence[str], now: datetime) -> datetime | None:
    if not said:
        return None
    age = _AGE.fullmatch(said[0])
    if age is not None:
        hours = min(int(age[1]), 10_000) * _HOURS[age[2]]
        return now - timedelta(hours=hours)
    try:
        found = datetime.fromisoformat(said[0])
        return found if found.tzinfo is not None else found.astimezone()
    except (ValueError, OverflowError) as error:  # the first and last day of all have no time elsewhere
        raise InvalidParameter(
            f"{said[0]!r} is no time.", hint="Write an age like 12h, 7d or 2w, or a day like 2026-01-31."
        ) from error
