"""Makes docs/reference/keys.md from the declared keys of the app, its panes and its dialogs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from mlwf_tui.tui.keys import KEYS, Key
from mlwf_tui.tui.screens.panes import DIALOGS, PANES, PaneKey, list_pane_bindings

HEAD = """\
# The keys of the app

Made from the code by `python -m docs.making.make`.

**One grammar.** A key means the same everywhere. Arrows and `hjkl` move, `g` and `G` go to the ends, ⏎
opens, esc goes back, `/` searches and `n` `N` go through what was found, `x` and a right click show the
menu of what is selected, space marks, `y` copies, `?` shows the keys of this place, `:` or `^p` finds any
action by its name.

**Marks.** Space marks what the cursor is on and goes on to the next, in the tree, in lists, on the
lineage and among items and thumbnails. A verb is done to all marks that are of the kind of what is
selected; where there are none, to what is selected. The foot says what is marked, and that esc takes the
marks away there before it goes back; so does `u` before it takes anything else back. The leaderboard's two
marks are its own: the sides of a comparison.

**Four keys belong to the pane.** `f` narrows what it shows, `w` gives the other look (wrapped, large,
turned over), `Z` the other form (thumbnails, a map), and `,` lists everything else that it can do, where
a letter chooses: `,s` sorts a table and smooths a plot. `+` `-` `0` draw larger, smaller and
whole; `(` `)` go a stretch back and on in what is larger than its room; `{` `}` go to the error or end
before and after, and ask a report for less and more IoU; `<` `>` are less and more of a priority or a
confidence. Dialogs have keys of their own, which their frame says.

**Yours.** Every key can be changed by the id of its action, in `settings.toml`:

```toml
[keys]
commit = "f4"
help = "?,f1"
"metrics.smooth" = "f6"
```

Signs may be written as they are, keys of one action stand between commas, and `"comma x"` is the letter
`x` behind the comma. What clashes, in whatever pane, and what is no action is told as the app starts.
"""
COLUMNS = "| key | what it does | id |\n|---|---|---|\n"
OF_KINDS = "| key | what it does | to | id |\n|---|---|---|---|\n"


def make_keys() -> str:
    """Return the reference of all keys as Markdown."""
    parts = [HEAD, *_write_groups()]
    parts += [_write_pane(name, list_pane_bindings(name)) for name in PANES]
    parts.append("## Dialogs\n\n")
    parts += [_write_pane(name, list_pane_bindings(name, DIALOGS), "###") for name in DIALOGS]
    return "\n".join(parts).rstrip() + "\n"


def _write_groups() -> Iterator[str]:
    for group, keys in groupby(sorted(KEYS, key=_order), lambda key: key.group):
        yield f"## {group}\n\n{OF_KINDS}" + "".join(_write_key(key) for key in keys)


def _order(key: Key) -> int:
    groups = list(dict.fromkeys(one.group for one in KEYS))
    return groups.index(key.group)


def _write_key(key: Key) -> str:
    kinds = ", ".join(sorted(kind.value for kind in key.kinds)) or "—"
    return f"| {_quote(key.displays) if key.keys else 'menu'} | {key.help} | {kinds} | `{key.id}` |\n"


def _write_pane(name: str, keys: tuple[PaneKey, ...], level: str = "##") -> str:
    rows = (f"| {_quote(key.displays)} | {_tell(key)} | `{key.id}` |\n" for key in keys)
    return f"{level} {name}\n\n{COLUMNS}" + "".join(rows)


def _tell(key: PaneKey) -> str:
    return f"{key.label}, {key.note}" if key.note else key.label


def _quote(displays: str) -> str:
    return " ".join(f"`{one}`".replace("|", "\\|") for one in displays.split(" "))
