# Every target does its own set-up: a fresh machine needs Python 3.10 or newer and nothing else.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.installed

.PHONY: demo test lint types site docs

demo: $(SETUP)  ## one large network against S small ones of the same cost, on real images
	$(BIN)/cotrain compare --config digits --into 1,2,4 --seeds 0,1,2,3 --output runs/digits

test: $(SETUP)  ## two processes of one thread each, for two cores
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

lint: $(SETUP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(SETUP)
	$(BIN)/pyright --pythonpath $(BIN)/python

site: $(SETUP)  ## README, docs/ and the reference as pages, in build/site
	$(BIN)/mkdocs build --strict

docs: site  ## the site, and every code block of README and docs/ run
	$(BIN)/pytest tests/test_docs.py

# Made once, and again when pyproject.toml changes.
$(SETUP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "cotrain needs Python 3.10 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make environments: install its venv package" \
	    "(Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@
