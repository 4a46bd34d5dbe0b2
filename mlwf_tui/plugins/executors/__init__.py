"""Executors: where the worker of a run is started."""
