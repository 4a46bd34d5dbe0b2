from __future__ import annotations

import os
from pathlib import Path

import pytest

from mlwf_tui.errors import InvalidInput, StorageFailed
from mlwf_tui.settings import prepare_home, read_settings


def test_what_is_not_set_has_a_default(tmp_path: Path) -> None:
    settings = read_settings(tmp_path)
    assert settings.slots >= 2
    assert (settings.workspace, settings.on_finish, settings.limits) == ("default", (), {})


def test_all_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        'author = "ada"\nslots = 3\ngpu_leases = "/g"\non_finish = "mail -s \'a run\' me"\n'
        "on_finish_timeout_s = 5\nnotify = ['bell']\n[limits]\nlab = 2\n"
    )
    settings = read_settings(tmp_path)
    assert (settings.author, settings.slots, settings.gpu_leases) == ("ada", 3, "/g")
    assert settings.on_finish == ("mail", "-s", "a run", "me")
    assert settings.notify == ("bell",)
    assert (settings.on_finish_timeout_s, settings.limits) == (5.0, {"lab": 2})


@pytest.mark.parametrize(
    "line",
    [
        "slots = 0", "slots = true", "slots = 'many'", "theme = 1", "colour = 'red'", "limits = 3",
        "on_finish = 'say \"it'", "on_finish = [1]", "[limits]\nlab = 0", "on_finish_timeout_s = -1",
        "notify = 'bell'", "notify = ['smoke']",
    ],
)  # fmt: skip
def test_what_is_no_setting_is_refused_by_name(tmp_path: Path, line: str) -> None:
    (tmp_path / "settings.toml").write_text(line + "\n")
    with pytest.raises(InvalidInput, match="which is not a setting"):
        read_settings(tmp_path)


def test_a_home_on_a_disk_that_can_only_be_read_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = list(os.statvfs(tmp_path))
    values[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
    with pytest.raises(StorageFailed, match="mounted read-only"):
        prepare_home(tmp_path)
