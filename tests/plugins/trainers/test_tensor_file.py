"""What is written comes back to the bit, and what is torn is not read."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlwf_tui.errors import CorruptData
from tests.plugins.trainers.hostile import Touching, write_sealed

pytestmark = pytest.mark.slow  # torch takes seconds to import


@pytest.fixture
def value() -> dict[str, Any]:
    import torch

    torch.manual_seed(1)
    weights = torch.randn(31, 7)
    return {
        "weights": weights,
        "column": weights[:, 3],
        "half": weights.half(),
        "count": torch.tensor(5),
        "none": torch.empty(0, 4),
        "flags": torch.tensor([True, False, True]),
        "rest": [1, "two", random.getstate()],
        "draws": np.random.default_rng(2).integers(0, 1 << 32, 624, dtype=np.uint32),
        "mean": np.float64(0.1),
        "nothing": np.empty((3, 0)),
    }


def test_every_tensor_and_all_around_comes_back(tmp_path: Path, value: dict[str, Any]) -> None:
    import torch

    from mlwf_tui.plugins.trainers.tensor_file import read_tensors, write_tensors

    write_tensors(tmp_path / "a.bin", value)
    found = read_tensors(tmp_path / "a.bin")
    assert found.keys() == value.keys()
    for key in value.keys() - {"rest"}:
        assert type(found[key]) is type(value[key])
        assert (found[key].dtype, found[key].shape) == (value[key].dtype, value[key].shape)
        assert torch.equal(torch.as_tensor(found[key]), torch.as_tensor(value[key]))
    assert found["rest"] == value["rest"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_file_that_is_missing_short_or_has_zeros_is_none(tmp_path: Path, value: dict[str, Any]) -> None:
    from mlwf_tui.plugins.trainers.tensor_file import read_tensors, write_tensors

    path = tmp_path / "a.bin"
    assert read_tensors(path) is None
    write_tensors(path, value)
    data = path.read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        assert read_tensors(path) is None, length
    for start in range(0, len(data) - 64, 64):
        path.write_bytes(data[:start] + bytes(64) + data[start + 64 :])
        assert read_tensors(path) is None, start
    path.write_bytes(bytes(len(data)))
    assert read_tensors(path) is None


def test_a_file_that_would_run_code_is_refused_in_one_sentence_and_runs_none(tmp_path: Path) -> None:
    path = write_sealed(tmp_path / "a.bin", {"weights": [Touching(tmp_path / "touched")]})
    with pytest.raises(CorruptData, match=r"^\S+ names \S+, which no file .* was not read\.$") as refused:
        read(path)
    assert refused.value.hint
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "name",
    ["os system", "builtins eval", "torch load", "torch float32", "numpy load", "collections namedtuple"],
)
def test_nothing_but_an_ordered_dict_may_be_named(tmp_path: Path, name: str) -> None:
    module, attribute = name.split()
    path = write_sealed(tmp_path / "a.bin", pickled=f"c{module}\n{attribute}\n.".encode())
    with pytest.raises(CorruptData, match=f"names {module}.{attribute},"):
        read(path)


@pytest.mark.parametrize(
    "place",
    [
        (0, (1 << 40,), "torch.float32"), (-8, (2,), "<u4"), (0, (2,), "torch.nn"), (0, (2,), "torch.load"),
        (0, (2,), "O"), (0, (-2,), "torch.uint8"), (0, "ab", "<u4"), (0, (2,), None), "0",
        (0, (1 << 70,), "<u4"),
    ],
)  # fmt: skip
def test_a_place_that_no_tensor_can_be_at_is_refused(tmp_path: Path, place: object) -> None:
    class Placing(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            return place if value is Touching else None

    with pytest.raises(CorruptData, match="not as we write"):
        read(write_sealed(tmp_path / "a.bin", Touching, kind=Placing))


def test_bytes_that_are_no_pickle_are_refused_at_any_length(tmp_path: Path) -> None:
    draw = random.Random(4)
    whole = pickle.dumps({"a": [1, 2.5, "three", (b"4", None)], "b": {"c": list(range(9))}})
    for _ in range(300):
        torn = bytearray(whole[: draw.randint(1, len(whole))])
        torn[draw.randrange(len(torn))] = draw.randrange(256)
        path = write_sealed(tmp_path / "a.bin", pickled=bytes(torn))
        try:
            read(path)
        except CorruptData as error:
            assert str(path) in error.message


def test_an_array_of_objects_is_not_written(tmp_path: Path) -> None:
    from mlwf_tui.plugins.trainers.tensor_file import write_tensors

    with pytest.raises(TypeError, match="no plain bytes"):
        write_tensors(tmp_path / "a.bin", {"a": np.array([{}, None])})
    assert not (tmp_path / "a.bin").exists()


def read(path: Path) -> Any:
    from mlwf_tui.plugins.trainers.tensor_file import read_tensors

    return read_tensors(path)
