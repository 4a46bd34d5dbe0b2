"""Model cards as Markdown: what a model is, what it learned from, how good it is and where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from mlwf_tui.entities.item import Split
from mlwf_tui.entities.run import Problem, describe_left_out

FEW_OBJECTS = 50  # of a class to learn from
FEW_IMAGES = 50  # to measure on
IMBALANCE = 20  # times as many of one class as of another
MAX_ROWS = 100  # of a table of classes
MAX_NAMED = 8


class SplitCounts(msgspec.Struct, kw_only=True):
    """What a split holds. `by_class` counts objects, or images where whole images have a class."""

    images: int = 0
    by_class: dict[str, int] = {}


class Range(msgspec.Struct, frozen=True):
    """From the smallest to the largest of some sizes, in pixels."""

    low: float
    high: float


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What the model made of some validation images, looked at once after its training."""

    images: int
    of: int  # validation images in all
    mistaken: tuple[tuple[str, str, int], ...]  # truth, what was said, how often; the most frequent first


class CardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a card is made of."""

    name: str
    task: str
    architecture: str
    trainer: str
    class_names: tuple[str, ...]
    image_size_px: int
    created_at: datetime
    run_id: str
    author: str
    licence: str
    data: str  # PROJECT@N
    manifest: str
    splits: Mapping[Split, SplitCounts]
    counted: str  # "objects" or "images"
    image_sides: Range | None  # shorter side of training images
    object_sides: Range | None  # square root of an object's area, of its bounds, in training images
    params: Mapping[str, Any]
    seed: int | None
    metrics: Mapping[str, float]
    curves: Sequence[tuple[str, float, float | None, int | None]]  # key, last, best, step of the best
    environment: Mapping[str, str]
    took_s: float | None
    is_stopped: bool = False
    problems: Sequence[Problem] = ()  # images of the data that were left out
    notes: Sequence[str] = ()  # what went otherwise than asked in its training, each in a sentence
    glance: Glance | None = None
    is_told: bool = False  # by a program that made it, of whose training nothing else is known


def write_model_card(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    parts = (
        _write_head(facts),
        _write_data(facts),
        _write_quality(facts),
        _write_limits(facts),
        _write_training(facts),
        _write_use(facts),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def list_limits(facts: CardFacts) -> list[str]:
    """Return what the numbers say against relying on the model, each in a sentence."""
    if facts.is_told:
        return [f"What it has learned of {facts.data}, and what it was measured on, is not known."]
    return [*_list_data_limits(facts), *_list_size_limits(facts), *_list_measured_limits(facts)]


def _write_head(facts: CardFacts) -> Iterator[str]:
    yield f"# {_clean(facts.name)}"
    yield ""
    yield _write_sentence(facts)
    yield ""
    count = len(facts.class_names)
    rows = (
        ("Task", facts.task),
        ("Architecture", facts.architecture),
        ("Input", f"{facts.image_size_px} × {facts.image_size_px} pixels" if facts.image_size_px else ""),
        ("Classes", f"{count}: {_name_some(facts.class_names, 20)}" if count else ""),
        ("Read by its run" if facts.is_told else "Trained on", facts.data),
        (
            "Made",
            f"{facts.created_at:%Y-%m-%d %H:%M} UTC by {facts.author or 'nobody named'}, run {facts.run_id}",
        ),
        ("Licence", facts.licence or "not known; that of the data may restrict it further"),
    )
    yield from _write_table(("", ""), [(name, text or "not told") for name, text in rows])


def _write_sentence(facts: CardFacts) -> str:
    what = f"A model to {_name_task(facts.task)}" if facts.task else "A model"
    how = [facts.architecture] if facts.architecture else []
    if facts.is_told:
        how += [f"as {facts.trainer} trains it"] if facts.trainer else []
        how += ["made by a program of its own"]
    else:
        how += [f"trained by {facts.trainer}"]
    return f"{what}: {', '.join(how)}."


def _write_data(facts: CardFacts) -> Iterator[str]:
    yield "## Data"
    yield ""
    yield f"{facts.data}, manifest `{facts.manifest[:16]}`."
    yield ""
    splits = [split for split in Split if split in facts.splits]
    rows: list[tuple[str, ...]] = [("images", *(f"{facts.splits[split].images:,}" for split in splits))]
    names = dict.fromkeys((*facts.class_names, *(n for s in splits for n in facts.splits[s].by_class)))
    rows += [
        (name, *(f"{facts.splits[split].by_class.get(name, 0):,}" for split in splits))
        for name in list(names)[:MAX_ROWS]
    ]
    yield from _write_table((facts.counted, *(split.value for split in splits)), rows)
    if len(names) > MAX_ROWS:
        yield f"… and {len(names) - MAX_ROWS:,} classes more."
        yield ""
    if facts.problems:
        yield f"Of these {_clean(describe_left_out(facts.problems))}"
        yield ""


def _write_quality(facts: CardFacts) -> Iterator[str]:
    yield "## How good it is"
    yield ""
    if facts.metrics:
        told = "Measured by its training on the validation split, which it was chosen by."
        yield "As its program told." if facts.is_told else told
        yield ""
        yield from _write_table(("metric", "value"), [(k, f"{v:.4g}") for k, v in facts.metrics.items()])
    if facts.glance is not None:
        seen = facts.glance
        yield f"Looked at on {seen.images:,} of {seen.of:,} validation images; see `confusion.csv`."
        yield ""
        if seen.mistaken:
            rows = [(truth, said, str(count)) for truth, said, count in seen.mistaken[:MAX_NAMED]]
            yield from _write_table(("is", "was taken for", "times"), rows)
    if facts.curves:
        ends = [
            (key, f"{last:.4g}", "" if best is None else f"{best:.4g}", "" if step is None else str(step))
            for key, last, best, step in facts.curves
        ]
        yield from _write_table(("curve", "last", "best", "at step"), ends)


def _write_limits(facts: CardFacts) -> Iterator[str]:
    yield "## Limits"
    yield ""
    limits = list_limits(facts)
    yield from (f"- {limit}" for limit in limits)
    if not limits:
        yield "The numbers show none. Images unlike those above are another matter."
    yield ""


def _list_data_limits(facts: CardFacts) -> Iterator[str]:
    train = facts.splits.get(Split.TRAIN, SplitCounts())
    val = facts.splits.get(Split.VAL, SplitCounts())
    absent = [name for name in facts.class_names if not train.by_class.get(name)]
    few = [name for name in facts.class_names if 0 < train.by_class.get(name, 0) < FEW_OBJECTS]
    unmeasured = [name for name in facts.class_names if name not in absent and not val.by_class.get(name)]
    if absent:
        yield f"Never seen in training: {_name_some(absent)}."
    if few:
        counted = [f"{name} ({train.by_class[name]})" for name in few]
        yield f"Few {facts.counted} to learn from (under {FEW_OBJECTS}): {_name_some(counted)}."
    if unmeasured:
        yield f"Not in the validation split, so that nothing is known of it: {_name_some(unmeasured)}."
    counts = {name: train.by_class[name] for name in facts.class_names if train.by_class.get(name)}
    if len(counts) > 1 and max(counts.values()) >= IMBALANCE * min(counts.values()):
        most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        times = counts[most] / counts[least]
        yield f"Uneven: {times:.0f} times as many {facts.counted} of {most} as of {least}."


def _list_size_limits(facts: CardFacts) -> Iterator[str]:
    if facts.object_sides is not None:
        low, high = facts.object_sides.low, facts.object_sides.high
        yield (
            f"Sizes seen: objects of {low:.0f} to {high:.0f} pixels (root of their area); "
            "smaller and larger ones were not learned."
        )
    if facts.image_sides is not None:
        low, high = facts.image_sides.low, facts.image_sides.high
        span = f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
        yield f"Images seen have a shorter side of {span} pixels; of others nothing is known."


def _list_measured_limits(facts: CardFacts) -> Iterator[str]:
    if not facts.splits.get(Split.TEST, SplitCounts()).images:
        yield "There is no test split: nothing was measured on images that played no part in its choice."
    count = facts.splits.get(Split.VAL, SplitCounts()).images
    if count < FEW_IMAGES:
        yield f"Measured on {count} images only: the figures may be off by much."
    if facts.is_stopped:
        yield "Its training was stopped before its end."


def _write_training(facts: CardFacts) -> Iterator[str]:
    yield "## Training"
    yield ""
    took = "" if facts.took_s is None else f" It took {facts.took_s / 60:.1f} minutes."
    seed = "without a seed" if facts.seed is None else f"with the seed {facts.seed}"
    again = f"{took} `mlwf reproduce {facts.run_id}` does it again."
    yield f"Run {facts.run_id}, {seed}.{'' if facts.is_told else again}"
    for note in facts.notes:
        yield _clean(note)
    yield ""
    yield from _write_table(("parameter", "value"), [(k, str(v)) for k, v in facts.params.items()])
    kept = {key: text for key, text in facts.environment.items() if text}
    if kept:
        yield from _write_table(("surroundings", ""), list(kept.items()))


def _write_use(facts: CardFacts) -> Iterator[str]:
    yield "## How to use it"
    yield ""
    project = facts.data.rpartition("@")[0]
    if not facts.trainer:
        yield "No trainer was told that could open the weights; they are opened by what made them."
        return
    yield "```sh"
    yield f"mlwf apply {facts.name} PROJECT --to PROJECT-labelled"
    yield f"mlwf benchmark {facts.name} {project or 'PROJECT'}"
    yield "```"


def _write_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_clean, header))} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(map(_clean, row))} |"
    yield ""


def _clean(text: str) -> str:
    """Return a text that cannot end a cell or a line of the table."""
    return " ".join(text.split()).replace("|", "\\|")


def _name_some(names: Sequence[str], most: int = MAX_NAMED) -> str:
    shown = ", ".join(_clean(name) for name in names[:most])
    return f"{shown}, and {len(names) - most:,} more" if len(names) > most else shown


def _name_task(task: str) -> str:
    words = {
        "detect": "find objects", "segment": "find objects and their outlines",
        "classify": "tell what images show", "pose": "find keypoints", "obb": "find objects at any angle",
    }  # fmt: skip
    return words.get(task, task)
