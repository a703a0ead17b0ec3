# make demo       the whole method on the embedded digits, with figures and a report
# make test       all tests but the long ones
# make test-long  the long ones
# make pages      the pages and figures of all runs in results/, from their tables, and
#                 docs/claims.md
# make bench      speed beside PyTorch, a plain JAX loop and the limits of the machine
# make lint       format, lint and type checks
# make audit      known vulnerabilities of the pinned packages, where a network allows it
# make clean      remove what make has made; runs/ stays
#
# Everything is installed into .venv, once, by the Python given: make test PYTHON=python3.12

SHELL := bash
PYTHON ?= python3
BIN := .venv/bin
PIP := -m pip --disable-pip-version-check --quiet
# Each worker compiles its own programs, so the number is bounded by memory too.
# Neighbours stay on one worker, so that what a file's tests share is made once.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

.PHONY: demo test test-long pages bench lint audit clean

demo: .venv/.installed
	@set -o pipefail; $(BIN)/lth run experiments/digits.py | tee .venv/demo.log
	@echo "The report: $$(tail -n 1 .venv/demo.log)/report.html"

test: .venv/.installed
	$(PYTEST) -m "not long"

test-long: .venv/.installed
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(PYTEST) -m long

pages: .venv/.installed
	$(BIN)/lth report results/*
	$(BIN)/lth claims results/* --markdown > docs/claims.md

bench: .venv/.installed .venv-torch/.installed
	$(BIN)/lth bench --torch-python .venv-torch/bin/python

lint: .venv/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

# pip-audit exits with 1 for a vulnerability as for a service that it cannot reach, or
# that does not know a package (--strict); only of the first it says "Found".
audit: .venv-audit/.installed
	@set -o pipefail; \
	if .venv-audit/bin/pip-audit -r requirements.txt --strict --progress-spinner off \
	    2>&1 | tee .venv-audit/audit.log; then :; \
	elif grep -qE '^Found [0-9]+ known vulnerabilit' .venv-audit/audit.log; then exit 1; \
	else echo "make audit: not done: the service cannot be reached, or lacks packages (above)."; fi

clean:
	rm -rf .venv .venv-torch .venv-audit build dist *.egg-info
	rm -rf .pytest_cache .hypothesis .ruff_cache
	find lth_jax experiments tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

.venv/.installed: requirements.txt setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "lth-jax needs Python 3.11 or newer, and this is $$($(PYTHON) -V 2>&1)." \
	    "Name another: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing into .venv (once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP) install -r requirements.txt -e '.[all]'
	@touch $@

# PyTorch is measured beside, never installed with, the package.
.venv-torch/.installed: Makefile
	@echo "Installing PyTorch into .venv-torch (once)"
	@$(PYTHON) -m venv .venv-torch
	@.venv-torch/bin/python $(PIP) install torch==2.13.0 numpy
	@touch $@

# What audits is installed beside the package, so that it is no part of what it audits.
.venv-audit/.installed: Makefile
	@echo "Installing pip-audit into .venv-audit (once)"
	@$(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/python $(PIP) install pip-audit && touch $@ || \
	  echo "make audit: pip-audit cannot be installed here (above)."
