# The commands of this project; a fresh machine needs Python 3.11+, make, and nothing else.
SHELL := /bin/bash
BIN := .venv/bin
PARALLEL ?= 4

# What is compiled once is compiled for all: the suite starts two hundred processes of our own, and four workers.
export PYTHONDONTWRITEBYTECODE :=

BESIDE := $(MAKE) --no-print-directory --jobs=2 --output-sync=target
SUITE := $(BIN)/pytest -m "not soak and not alone" -n $(PARALLEL) --dist worksteal
ALONE := grep -rl --include='*.py' 'mark\.alone' tests | xargs $(BIN)/pytest -n 0

.PHONY: help run test coverage check types rules format demo bench soak mutants runtime-env test-env venv packages clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

runtime-env:
	@requirements/install.sh runtime

test-env:
	@$(BESIDE) venv packages

venv:
	@requirements/install.sh test

packages:
	@tests/packages.sh

run: runtime-env ## Start mock SIAK and the gateway, with demo keys
	@exec $(BIN)/siak-gateway run

demo: runtime-env ## A guided story of an outage, under two minutes
	@$(BIN)/siak-gateway demo

check: test-env ## Format, lint, types, import rules, generated files
	@$(BESIDE) types rules

types:
	@$(BIN)/mypy

rules:
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.generated --check

format: test-env ## Format and mend what can be mended; renew generated files
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .
	@$(BIN)/python -m tests.generated

test: check ## Everything CI runs: check, then the whole suite
	@$(SUITE)
	@$(ALONE) -m "alone and not soak"

coverage: test-env ## The suite again, with branch coverage of 95 % at least; a third slower
	@$(BIN)/coverage erase
	@$(SUITE) --cov --cov-report=
	@$(BIN)/coverage report --fail-under=95

bench: test-env ## Benchmarks beside the peers that are installed; figures go to bench/results/
	@$(BIN)/python -m bench.run

soak: test-env ## The long proofs in full; figures go to bench/results/
	@$(BIN)/pytest -n $(PARALLEL) -p tests.soak_results --hypothesis-profile seeking -m soak

mutants: ## Mutation tests of the policies (half an hour); `mutmut results` in .venv-mutants lists the survivors
	@requirements/install.sh mutants
	@.venv-mutants/bin/mutmut run --max-children $(PARALLEL)

clean: ## Remove what was installed and written here
	rm -rf .venv .venv-mutants mutants var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
