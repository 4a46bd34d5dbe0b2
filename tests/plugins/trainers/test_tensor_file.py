"""What is written comes back to the bit, and what is torn is not read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

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
    }


def test_every_tensor_and_all_around_comes_back(tmp_path: Path, value: dict[str, Any]) -> None:
    import torch

    from mlwf_tui.plugins.trainers.tensor_file import read_tensors, write_tensors

    write_tensors(tmp_path / "a.bin", value)
    found = read_tensors(tmp_path / "a.bin")
    assert found.keys() == value.keys()
    for key in value.keys() - {"rest"}:
        assert (found[key].dtype, found[key].shape) == (value[key].dtype, value[key].shape)
        assert torch.equal(found[key], value[key])
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
