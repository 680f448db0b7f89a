# Everything happens in .venv; a stamp says what was installed there, so that a second call starts at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST ?= $(BIN)/python -m pytest

.PHONY: help demo test fast check format bench clean

help:
	@echo "make demo    scan this machine and a small generated fleet, start to end"
	@echo "make test    every test; servers that are missing are skipped by name"
	@echo "make fast    the tests without real clusters and long inputs"
	@echo "make check   lint, format and types"
	@echo "make bench   the benchmarks, small"

demo: $(VENV)/.installed
	$(BIN)/longshore demo

test: $(VENV)/.installed-dev
	$(PYTEST)

fast: $(VENV)/.installed-dev
	$(PYTEST) -m "not slow"

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.layers --megabytes 60

clean:
	rm -rf $(VENV) build dist *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Longshore needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e '.[dev,fuzz]'
	touch $@ $(VENV)/.installed
