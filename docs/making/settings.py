"""Makes docs/reference/settings.md from the fields of Settings and the comments beside them."""

from __future__ import annotations

import inspect
import re

import msgspec

from mlwf_tui.settings import Settings

FIELD = re.compile(r"^    (\w+): ([^=#]+?)(?: = (.+?))?(?:  # (.+))?$", re.MULTILINE)
TYPES = {
    "str": "a text", "int": "a whole number", "float": "seconds", "tuple[str, ...]": "a list of texts",
    "Mapping[str, int]": "a table of whole numbers",
    "Mapping[str, str]": "a table of texts",
}  # fmt: skip
HEAD = """\
# settings.toml

Made from the code by `python -m docs.making.make`.

It lies in the home, and need not be there. A key that is not known, or a value of another type, is refused by
each command with a sentence that names it. Whoever opens the home reads it anew.

```toml
author = "Ada"
slots = 4
notify = ["app", "bell"]
on_finish = ["mail-me"]  # called with MLWF_RUN and MLWF_STATE in its environment

[limits]
default = 2
```

| key | type | default | meaning |
|---|---|---|---|
"""


def make_settings() -> str:
    """Return the reference of all settings as Markdown."""
    written = FIELD.findall(inspect.getsource(Settings))
    rows = [f"| `{name}` | {TYPES.get(type_, type_)} | {_tell(name, default)} | {text} |"
            for name, type_, default, text in written]  # fmt: skip
    return HEAD + "\n".join(rows) + "\n"


def _tell(name: str, written: str) -> str:
    """Return a default as TOML; one that is made of the machine is in words."""
    if not written or "default_factory" in written:
        return "by the machine"
    return f"`{msgspec.json.encode(getattr(Settings(author=''), name)).decode()}`"
