# The verbs of this project; `make help` lists them.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
  $$p -c '$(FITS)' 2>/dev/null && command -v $$p && break; done)
# Which build of PyTorch: e.g. the --index-url that pytorch.org names for CPU or CUDA.
TORCH_PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help run install test lint types format bench docs clean

help:  ## list these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(STAMP)  ## install what is missing, then start everything with the demo
	@exec $(BIN)/ostiary up --demo

install: $(STAMP)  ## create the virtual environment with pinned dependencies

$(STAMP): pyproject.toml requirements.lock
	@[ -n "$(PYTHON)" ] && $(PYTHON) -c '$(FITS)' \
	  || { echo "ostiary needs Python 3.11 or 3.12 (found: $$(python3 -V 2>&1)): install it, or set PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "ostiary needs Python's venv module: apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (about 1.6 GB; PyTorch first)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check $(TORCH_PIP_ARGS) torch==2.13.0
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c requirements.lock -e '.[server,worker,train,dev]'
	@touch $@

test: $(STAMP)  ## run every test that this machine can run
	$(BIN)/python -m pytest

lint: $(STAMP) types  ## ruff, mypy --strict, the rooms' import contracts, the house's sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m house tests/house

types: $(STAMP)  ## mypy --strict
	$(BIN)/mypy

format: $(STAMP)  ## format and sort imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## the figures of the README
	$(BIN)/python -m benchmarks.cameras

docs: $(STAMP)  ## regenerate the diagrams that come from tables
	$(BIN)/python -m docs.diagrams

clean:  ## remove the virtual environment and caches; the state in OSTIARY_HOME stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
