# make setup   .venv with .venv/bin/backprove ready
# make demo    explain, verify, train and write a page, on real data
# make test    ruff, mypy, and the tests (doctests included)
# make torch   PyTorch for the tests that compare with it (optional, large)
# make browser Chromium for the tests of the explorer's page (optional; Debian, as root)
# make bench   backprove beside its peers: make bench BENCH="--quick --only digits"
# make bench-peers   the peers, in a folder of their own (optional, very large)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# The first Python on the path that is new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; break; }; done)

.PHONY: setup demo test lint types tests torch browser bench bench-peers clean

setup: $(VENV)/.ready
	@echo "$(BIN)/backprove is ready: $(BIN)/backprove --help"
demo: $(VENV)/.ready
	@$(BIN)/python -m backprove.demo
test: lint types tests

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
types: $(VENV)/.ready-dev
	$(BIN)/mypy
# What a test starts finds this package compiled, even where Python is told to keep nothing.
tests: export PYTHONDONTWRITEBYTECODE =
tests: $(VENV)/.ready-dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(PYTEST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "backprove needs Python 3.11 or newer;" \
		"install it, or name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "could not make $(VENV): on Debian and" \
		"Ubuntu, first do: apt install python3-venv" >&2; exit 1; }

# Installed again only when pyproject.toml changes.
$(VENV)/.ready: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --editable '.[plot,serve]'
	@touch $@
$(VENV)/.ready-dev: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --editable '.[plot,serve,dev]'
	@touch $@ $(VENV)/.ready

torch: $(VENV)/.ready-dev
	$(PIP) install --quiet torch==2.13.0

browser:
	@found=$$(for name in chromium chromium-browser google-chrome; do command -v $$name; done | head -1); \
	if [ -n "$$found" ]; then \
		echo "the tests of the explorer's page will use $$found"; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium; \
	else \
		echo "install Chromium with the system's own tools (Debian: sudo apt install chromium);" \
			"the tests of the explorer's page look for it on the PATH" >&2; exit 1; \
	fi

# With the peers where they have been installed, else with what .venv holds.
PEERS := .venv-bench
BENCH_PYTHON = $(if $(wildcard $(PEERS)/.ready),$(PEERS),$(VENV))/bin/python
bench: $(VENV)/.ready
	@$(BENCH_PYTHON) benchmarks/bench.py $(BENCH)
bench-peers: $(BIN)/python
	$(BIN)/python -m venv $(PEERS)
	$(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet torch==2.13.0 jax \
		scikit-learn scipy sympy casadi --editable '.[plot]'
	@touch $(PEERS)/.ready

clean:
	rm -rf $(VENV) $(PEERS) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
