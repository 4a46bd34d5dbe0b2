# The gate: `make check` is what CI runs. PYTHON may point to a virtual environment's interpreter.
PYTHON ?= python3

.PHONY: check lint types imports test slow screenshots reference

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

screenshots:
	$(PYTHON) -m screenshots.make

reference:
	$(PYTHON) -m docs.making.make
