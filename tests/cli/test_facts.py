"""What a person reads of a document's facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mlwf_tui.cli.facts import format_facts


def test_a_list_of_entries_is_a_table_with_their_keys_as_headings() -> None:
    jobs = [
        {"id": "a", "exit_code": 0, "signal": None, "ran_s": 2.0, "max_rss_bytes": 1024},
        {"id": "longer", "exit_code": None, "signal": None, "ran_s": 0.5, "max_rss_bytes": None},
    ]
    assert format_facts({"state": "done", "jobs": jobs}).splitlines() == [
        "state  done",
        "jobs",
        "  ID      EXIT CODE  RAN    MAX RSS BYTES",
        "  a       0          2.0 s  1.0 KiB",
        "  longer  -          0.5 s  -",
    ]


def test_what_an_entry_is_made_of_is_one_cell() -> None:
    points = [{"values": {"copies": 2}, "outputs": [{"project": "a"}, {"project": "b"}], "run": ["x", "y"]}]
    assert format_facts({"points": points}).splitlines() == [
        "points",
        "  VALUES    OUTPUTS               RUN",
        "  copies=2  project=a; project=b  x, y",
    ]


def test_a_moment_is_an_age_whatever_its_name_is() -> None:
    moment = datetime.now(UTC) - timedelta(minutes=3)
    assert format_facts({"heartbeat": {"at": moment}, "begun_at": moment}).count("3 min ago") == 2
