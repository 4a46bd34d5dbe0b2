"""What evaluating detections costs, next to other engines, on synthetic truths and detections.

    python -m benchmarks.evaluation [IMAGES] [CLASSES] [DETECTIONS]

Each engine runs in a process of its own: seconds and CPU seconds from arrays in memory to its twelve
numbers, the peak memory of the process, and the largest difference of AP, AP50 and AP75 from ours. Engines
that are not installed are left out. Ours comes apart: AP alone, all figures and errors of a report, the
bootstrap, and the figures at another confidence and IoU.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.evaluation_set import World, draw_world, keep_world, read_world

SIZE = (5_000, 80, 300_000)
RESAMPLES = 1_000
_AP_OF_OURS = "ours: AP"


def main(arguments: Sequence[str]) -> int:
    """Make the set and measure each engine on it, or, in a child, the one that is named."""
    if len(arguments) == 2 and not arguments[0].isdigit():
        print(json.dumps(measure(arguments[0], read_world(Path(arguments[1])))))
        return 0
    size = tuple(map(int, arguments)) or SIZE
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "world.npz")
        keep_world(draw_world(*size), path)
        print("{:,} images, {:,} classes, {:,} detections".format(*size))
        print(f"{'':<28}{'s':>8}{'CPU s':>8}{'MiB':>7}{'differs':>10}{'ratio':>7}")
        ours: dict[str, Any] = {}
        for engine in (name for name in ENGINES if _is_installed(name)):
            found = _ask(engine, path)
            ours = found if engine == _AP_OF_OURS else ours
            print(_describe(engine, found, ours))
    return 0


def _is_installed(engine: str) -> bool:
    return engine.startswith("ours") or importlib.util.find_spec(engine) is not None


def _ask(engine: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.evaluation", engine, str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def _describe(engine: str, found: dict[str, Any], ours: dict[str, Any]) -> str:
    differs = ""
    if found["values"]:
        differs = f"{max(abs(a - b) for a, b in zip(found['values'], ours['values'], strict=True)):.1e}"
    ratio = f"{ours['cpu_s'] / found['cpu_s']:.2f}" if found["values"] else ""
    return (
        f"{engine:<28}{found['seconds']:>8.3f}{found['cpu_s']:>8.3f}{found['peak_mib']:>7.0f}"
        f"{differs:>10}{ratio:>7}"
    )


def measure(engine: str, world: World) -> dict[str, Any]:
    """Return the cost of one engine, and its AP, AP50 and AP75 where it tells them."""
    prepare = ENGINES[engine]
    work = prepare(world)
    begun, cpu_begun = time.perf_counter(), time.process_time()
    values = work()
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu_begun,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "values": [float(value) for value in values],
    }


Work = Callable[[], Sequence[float]]


def _prepare_ours(world: World) -> Work:
    from mlwf_tui.evaluation.average_precision import build_arrays
    from mlwf_tui.evaluation.matching import match

    def work() -> Sequence[float]:
        truths, detections = world.build_truths(), world.build_detections()
        arrays = build_arrays(truths, detections, match(truths, detections), world.classes)
        values = (arrays.average(), arrays.average(iou=0.5), arrays.average(iou=0.75))
        return [value for value in values if value is not None]

    return work


def _prepare_whole(world: World) -> Work:
    from mlwf_tui.evaluation.calibration import calibrate
    from mlwf_tui.evaluation.errors import share_errors
    from mlwf_tui.evaluation.evaluate import summarize

    def work() -> Sequence[float]:
        measured = _build_measured(world)
        summarize(measured)
        share_errors(measured)
        calibrate(measured)
        return ()

    return work


def _prepare_slices(world: World) -> Work:
    from mlwf_tui.evaluation.slices import ItemFacts, slice_measured

    random = np.random.default_rng(0)
    measured = _build_measured(world)
    facts = {
        key: ItemFacts(dataset=f"d{place % 3}", brightness=255 * random.random(), sharpness=random.random())
        for place, key in enumerate(measured.keys)
    }

    def work() -> Sequence[float]:
        slice_measured(measured, facts)
        return ()

    return work


def _prepare_bootstrap(world: World) -> Work:
    from mlwf_tui.evaluation.resampling import draw_weights, weigh

    measured = _build_measured(world)

    def work() -> Sequence[float]:
        weigh(measured, draw_weights(world.images, count=RESAMPLES))
        return ()

    return work


def _prepare_threshold(world: World) -> Work:
    from mlwf_tui.evaluation.thresholds import Threshold

    measured = _build_measured(world)
    threshold = Threshold(measured)  # once, when a report is opened

    def work() -> Sequence[float]:
        threshold.count(confidence=0.37, iou=0.62)
        return ()

    return work


def _build_measured(world: World) -> Any:
    from mlwf_tui.evaluation.measured import pair

    keys = tuple(f"{image:06}" for image in range(world.images))
    names = tuple(f"c{label:04}" for label in range(world.classes))
    return pair(keys, names, world.build_truths(), world.build_detections(), None)


def _prepare_hotcoco(world: World) -> Work:
    hotcoco = importlib.import_module("hotcoco")
    images, categories = (world.write_coco()[part] for part in ("images", "categories"))

    def work() -> Sequence[float]:
        rows = world.truths
        truth = hotcoco.COCO.from_arrays(images, categories, rows.image + 1, rows.label + 1, rows.boxes)
        found = world.detections
        columns = (found.image + 1, found.boxes, found.score, found.label + 1)
        return _judge(hotcoco.COCOeval(truth, truth.load_res(np.column_stack(columns)), "bbox"))

    return work


def _prepare_pycocotools(world: World) -> Work:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return _prepare_like_coco(world, COCO, COCOeval)


def _prepare_faster(world: World) -> Work:
    engine = importlib.import_module("faster_coco_eval")
    return _prepare_like_coco(world, engine.COCO, engine.COCOeval_faster)


def _prepare_like_coco(world: World, make: Any, judge: Any) -> Work:
    document, results = world.write_coco(), world.write_results()

    def work() -> Sequence[float]:
        with contextlib.redirect_stdout(io.StringIO()):
            truth = make()
            truth.dataset = document
            truth.createIndex()
            return _judge(judge(truth, truth.loadRes(results), "bbox"))

    return work


def _judge(judge: Any) -> Sequence[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return list(judge.stats[:3])


ENGINES: dict[str, Callable[[World], Work]] = {
    _AP_OF_OURS: _prepare_ours,
    "hotcoco": _prepare_hotcoco,
    "faster_coco_eval": _prepare_faster,
    "pycocotools": _prepare_pycocotools,
    "ours: figures and errors": _prepare_whole,
    "ours: 1,000 resamples": _prepare_bootstrap,
    "ours: slices": _prepare_slices,
    "ours: another threshold": _prepare_threshold,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
