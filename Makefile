# Everything that this repository does, each after the environment that it needs:
#
#   make gate       run the four suites against the reference broker; the report is in report/
#   make test       lint, types, import contracts, tidy, unit tests
#   make quick      the fast tests of broker and harness, to try another Python
#   make bench      measure codecs, broker and client
#   make lint       all of `test` but the tests
#   make fmt        format and fix what can be fixed
#   make toxiproxy  build the real toxiproxy-server, if there is Go; ours is used otherwise
#   make lock       compute requirements.lock again after a change of the dependencies
#   make clean      remove the environment, caches and reports
#
# PYTHON=python3.12  which Python makes the environment       (3.11 or newer)
# VENV=.cache/venv   where the environment is
# ARGS="..."         what to hand on to gauntlet gate, to the benchmark or to pytest

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# A stamp from another Python is no stamp.
TELL_VERSION := import sys; print("%d.%d" % sys.version_info[:2])
WANTED := $(shell $(PYTHON) -c '$(TELL_VERSION)' 2>/dev/null)
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(WANTED))
.PHONY: $(STAMP)
endif

.PHONY: gate test quick bench lint fmt toxiproxy lock install python clean

gate: $(STAMP)
	$(BIN)/gauntlet gate $(ARGS)

test: lint
	$(BIN)/pytest -n 2 $(ARGS)

quick: $(STAMP)
	$(BIN)/pytest -n 2 -m "not slow" $(ARGS) reference_broker suites/harness

bench: $(STAMP)
	$(BIN)/python -m tools.bench $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.tidy
	$(BIN)/python -m tools.statements

fmt: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

toxiproxy: $(STAMP)
	@$(BIN)/python -c 'import logging, pathlib; from suites.harness.toxiproxy import *; \
	  logging.basicConfig(level="INFO", format="%(message)s"); \
	  print(find_real_server() or install_with_go(pathlib.Path(".tools", "bin")) or "ours will be used")'

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml | python
	@rm -f $@
	@if [ -d $(VENV) ] && [ ! -f $(VENV)/pyvenv.cfg ]; then \
	  echo "make: $(VENV) is there and is no virtual environment; choose another with VENV=..." >&2; exit 1; fi; \
	have=$$($(BIN)/python -c '$(TELL_VERSION)' 2>/dev/null) || have=; \
	if [ "$$have" = "$(WANTED)" ]; then clear=; else clear=--clear; fi; \
	$(PYTHON) -m venv $$clear $(VENV) || { \
	  echo "make: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; \
	  exit 1; }
	@echo "make: installing what requirements.lock names into $(VENV)"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@echo $(WANTED) >$@

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  version=$$($(PYTHON) --version 2>&1) || version="it cannot be run"; \
	  echo "make: '$(PYTHON)' is not Python 3.11 or newer: $$version" >&2; \
	  echo "make: name one that is, for example: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 1; }

lock: $(STAMP)
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/python -m pip install --disable-pip-version-check --quiet uv
	.cache/uv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements.lock

clean:
	rm -rf .venv .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache report
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
