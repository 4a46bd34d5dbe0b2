# The gate: `make check` is what CI runs. PYTHON may point to a virtual environment's interpreter.
PYTHON ?= python3

.PHONY: check lint types imports test slow again again-slow screenshots reference

LAST_FAILED = --last-failed --last-failed-no-failures none

check: lint types imports test

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:
	$(PYTHON) -m mypy

imports:
	$(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

test:
	$(PYTHON) -m pytest

slow:
	$(PYTHON) -m pytest -m slow

again: # what failed last, one after the other
	$(PYTHON) -m pytest -n 0 $(LAST_FAILED)

again-slow:
	$(PYTHON) -m pytest -n 0 -m slow $(LAST_FAILED)

screenshots:
	$(PYTHON) -m screenshots.make

reference:
	$(PYTHON) -m docs.making.make
