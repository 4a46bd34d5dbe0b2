"""The meter of the app's loop names what held it, and tells a test's own work apart."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BURNING = """
import asyncio, time
from textual.app import App

def burn(cpu_s):
    until_s = time.thread_time() + cpu_s
    while time.thread_time() < until_s:
        pass

class Burning(App):
    def on_key(self):
        burn(0.2)

async def press():
    async with Burning().run_test() as pilot:
        await pilot.press("b")
        burn(0.1)

def test_a_key_burns():
    asyncio.run(press())
"""


def test_what_holds_the_loop_is_told_with_its_key_its_ratio_and_its_test(tmp_path: Path) -> None:
    path = tmp_path / "test_burning.py"
    path.write_text(BURNING)
    command = [
        sys.executable,
        "-m",
        "benchmarks.loop_blocks",
        str(path),
        "-q",
        "-n0",
        f"--rootdir={tmp_path}",
    ]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120).stdout
    of_app, of_tests = told.split("\nthe tests themselves")
    cpu_ms, ratio, *_, test = re.split(r" {2,}", next(re.finditer(r"Burning Key b +(.+)", of_app))[1])
    assert float(cpu_ms) >= 200
    assert float(ratio) >= 4
    assert test.endswith("test_a_key_burns")
    assert "\npress " in of_tests
