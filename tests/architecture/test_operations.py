"""docs/operations.md says what the operations declare, and its example keeps the contract."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from mlwf_tui.registry import Registry
from tests.architecture.operation_table import PATH, fill_in

_CHECK = """
from mlwf_tui.conformance import OPERATION_CHECKS, OperationCase
for share in (0.0, 0.5, 1.0):
    for check in OPERATION_CHECKS:
        check(OperationCase.of("invert", share=share))
case = OperationCase.of("invert", share=1.0)
print(len(OPERATION_CHECKS), sum(made.image is not None for made in case.follow()))
"""


def test_the_tables_are_those_that_the_operations_declare() -> None:
    text = PATH.read_text("utf-8")
    assert fill_in(text) == text, "python -m tests.architecture.operation_table writes them anew"


def test_every_operation_is_named() -> None:
    text = PATH.read_text("utf-8")
    assert all(f"**`{name}`**" in text for name in Registry().list_names("operations"))


def test_the_example_is_short_and_keeps_the_contract(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", PATH.read_text("utf-8"), re.DOTALL)[0]
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 30
    (tmp_path / "stranger.py").write_text(code, "utf-8")
    declared = tmp_path / "stranger-1.0.dist-info"
    declared.mkdir()
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n", "utf-8")
    (declared / "entry_points.txt").write_text("[mlwf_tui.operations]\ninvert = stranger:Invert\n", "utf-8")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{_CHECK}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    count, made = map(int, done.stdout.split())
    assert count > 5
    assert made == 4
