"""Trainings of the tests wait as those of a worker do: threads that spin take many times as long."""

from __future__ import annotations

from mlwf_tui.plugins.trainers.threads import settle_threads

settle_threads()  # before a test module loads torch
