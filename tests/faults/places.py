"""The prepared places on which commands are broken: a home, a work folder, and folders to import."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.harness import Outcome, call, call_well, renew, run_with_fault
from tests.faults.shapes import Known, Shape, learn
from tests.making import Box, make_voc, write_image

IMAGE_COUNT = 12


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command, the place it works on, and what another run of it means.

    `{sources}` and `{place}` in words stand for the folders to import and the place itself.
    """

    name: str
    words: tuple[str, ...]
    template: str = "two"
    may_repeat: bool = True  # a second run after a first that was done changes nothing
    repeat_codes: tuple[int, ...] = (0,)
    may_tear: bool = False  # a dead run may leave half a file in the work folder, which the next mends
    is_slow: bool = False  # it takes long, or says little that others do not


_SAMPLE = ("transform", "sample", "cells@1", "-p", "n=5", "--to")
SCENARIOS = (
    Scenario("import", ("import", "{sources}/one", "cells"), "empty"),
    Scenario("import-changes", ("import", "{sources}/two", "cells"), "one"),
    Scenario("import-named", ("import", "{sources}/two", "cells", "-m", "two"), "one", is_slow=True),
    Scenario("commit", ("commit", "cells", "-m", "two"), "imported"),
    Scenario("restore", ("restore", "cells@1"), "imported"),
    Scenario("undo", ("undo",), "imported", may_repeat=False),
    Scenario("redo", ("redo",), "undone", may_repeat=False, repeat_codes=(4,), is_slow=True),
    Scenario("transform", ("transform", "sample", "cells", "--to", "cells", "-p", "n=5"), "imported", False),
    Scenario("copy", ("copy", "cells@1", "branch"), repeat_codes=(5,)),
    Scenario("tag", ("tag", "cells@1", "best"), is_slow=True),
    Scenario("merge", ("merge", "cells", "branch"), "branched"),
    Scenario("delete-version", ("delete", "cells@1", "--force"), repeat_codes=(4,), is_slow=True),
    Scenario("delete", ("delete", "cells", "--yes"), repeat_codes=(4,), is_slow=True),
    Scenario("collect", ("collect", "--apply", "--grace", "0"), "wasteful"),
    Scenario("backup", ("backup", "{place}/backup"), "imported", is_slow=True),
    Scenario("backup-again", ("backup", "{place}/backup"), "backed"),
    Scenario("checkout", ("checkout", "cells@1", "{place}/work"), may_tear=True),
    Scenario("checkout-over", ("checkout", "cells@2", "{place}/work"), "checked-out"),
    Scenario("checkout-renamed", ("checkout", "cells@2", "{place}/work"), "renamed", is_slow=True),
    Scenario("sync", ("sync", "{place}/work", "-m", "edited"), "edited"),
    Scenario("sync-merge", ("sync", "{place}/work", "-m", "edited"), "edited-behind"),
    Scenario(
        "sync-ours", ("sync", "{place}/work", "--policy", "ours"), "edited-both", may_tear=True, is_slow=True
    ),
    Scenario("import-reviving", ("import", "{sources}/two", "revived"), "wasteful", is_slow=True),
    Scenario("transform-again", (*_SAMPLE, "again"), "sampled", is_slow=True),
    Scenario("transform-images", ("transform", "noise", "cells@1", "--to", "noisy"), is_slow=True),
)


_ONE = (("import", "{sources}/one", "cells"), ("commit", "cells", "-m", "one"))
_IMPORTED = (*_ONE, ("import", "{sources}/two", "cells"))
_TWO = (*_IMPORTED, ("commit", "cells", "-m", "two"))
_BACKUP = ("backup", "{place}/backup")
EDIT = ("edit the checkout",)
EDIT_BOTH = ("edit what the project has changed",)
RENAME = ("rename a dataset of the checkout",)

TEMPLATES: dict[str, tuple[tuple[str, ...], ...]] = {
    "empty": (),
    "one": _ONE,
    "imported": _IMPORTED,
    "undone": (*_IMPORTED, ("undo",)),
    "two": _TWO,
    "branched": (*_TWO, ("copy", "cells@1", "branch"), ("import", "{sources}/more", "branch")),
    # One pack with nothing that is needed, and one with something.
    "wasteful": (
        ("import", "{sources}/two", "gone"),
        ("import", "{sources}/more", "gone-too"),
        *_ONE,
        ("delete", "gone", "--yes"),
        ("delete", "gone-too", "--yes"),
    ),
    # The recipe is known, and what it made is named by nobody any more.
    "sampled": (*_ONE, (*_SAMPLE, "gone"), ("delete", "gone", "--yes")),
    "checked-out": (*_TWO, ("checkout", "cells@1", "{place}/work")),
    "renamed": (
        *_TWO,
        ("checkout", "cells@2", "{place}/work"),
        RENAME,
        ("sync", "{place}/work", "-m", "renamed"),
    ),
    "edited": (*_TWO, ("checkout", "cells@2", "{place}/work"), EDIT),
    "edited-behind": (*_TWO, ("checkout", "cells@1", "{place}/work"), EDIT),
    "edited-both": (*_TWO, ("checkout", "cells@1", "{place}/work"), EDIT_BOTH),
    "backed": (*_ONE, _BACKUP, *_TWO[2:]),
}
"""The commands that make each place."""


def get_scenario(name: str) -> Scenario:
    """Return a scenario by its name."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)


def make_sources(folder: Path) -> None:
    """Write folders to import: `two` is `one` with images added and labels changed, `more` is apart."""
    one: dict[str, Sequence[Box]] = {f"{n:02}.jpg": [("cell", 2, 3, 20, 21)] for n in range(IMAGE_COUNT)}
    make_voc(folder / "one", one, splits={"train": ["00", "01"], "val": ["02"]})
    moved: dict[str, Sequence[Box]] = {name: [("cell", 4, 5, 25, 30)] for name in list(one)[:3]}
    make_voc(folder / "more", {f"more-{n}.jpg": [("cell", 7, 9, 30, 31)] for n in range(4)})
    added: dict[str, Sequence[Box]] = {f"new-{n}.jpg": [("spot", 4, 4, 14, 14)] for n in range(3)}
    make_voc(folder / "two", {**one, **moved, **added}, splits={"train": ["00", "01"], "val": ["02"]})


def edit_checkout(work: Path) -> None:
    """Edit a checkout as a person would: a label moved, an image added, one renamed, one removed."""
    images, annotations = work / "main" / "img", work / "main" / "ann"
    move_label(work, "05.jpg")
    write_image(images / "added.jpg", seed=77)
    (images / "06.jpg").rename(images / "renamed.jpg")
    (annotations / "06.jpg.json").rename(annotations / "renamed.jpg.json")
    (images / "07.jpg").unlink()
    (annotations / "07.jpg.json").unlink()


def move_label(work: Path, name: str) -> None:
    """Move the label of an image in a checkout."""
    moved = work / "main" / "ann" / f"{name}.json"
    moved.write_text(moved.read_text("utf-8").replace("[[2,3],[20,21]]", "[[6,7],[26,27]]"), "utf-8")


class Places:
    """Makes templates once and copies of them to one path, which is what a home knows itself by."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        self.place = folder / "place"
        self.known = Known()
        self._templates = folder / "templates"
        self._measured: dict[str, tuple[Shape, Shape, Outcome]] = {}
        make_sources(self.sources)

    def put(self, template: str) -> Path:
        """Put a fresh copy of a template at the place, and return the place."""
        kept = self._templates / template
        if not kept.exists():
            self._make(template)
            shutil.copytree(self.place, kept, symlinks=True)
        renew(self.place, kept)
        return self.place

    def fill(self, scenario: Scenario) -> tuple[str, ...]:
        """Return the scenario's words with the paths of these places."""
        return tuple(word.format(sources=self.sources, place=self.place) for word in scenario.words)

    def repeat(self, scenario: Scenario) -> Outcome:
        """Run the scenario's command on the place, unbroken."""
        return call(self.place / "home", *self.fill(scenario))

    def measure(self, scenario: Scenario) -> tuple[Shape, Shape, Outcome]:
        """Return the shape before and after the command, and the unbroken command with its steps."""
        if scenario.name not in self._measured:
            self._measured[scenario.name] = self._measure(scenario)
        return self._measured[scenario.name]

    def _measure(self, scenario: Scenario) -> tuple[Shape, Shape, Outcome]:
        before = learn(self.put(scenario.template), self.known)
        self.put(scenario.template)
        whole = run_with_fault(self.place, self.fill(scenario), None)
        assert whole.code == 0, whole
        return before, learn(self.place, self.known), whole

    def _make(self, template: str) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        (self.place / "work").mkdir(parents=True)
        for words in TEMPLATES[template]:
            if words == EDIT:
                edit_checkout(self.place / "work")
            elif words == EDIT_BOTH:
                move_label(self.place / "work", "00.jpg")
            elif words == RENAME:
                (self.place / "work" / "main").rename(self.place / "work" / "renamed")
            else:
                self._call(*words)

    def _call(self, *words: str) -> None:
        filled = (word.format(sources=self.sources, place=self.place) for word in words)
        call_well(self.place / "home", *filled)
