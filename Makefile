# Habitué. `make` without a target lists them all.

PYTHON ?= python3
BIN := .venv/bin
export PYTHONUTF8 = 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-run run test check format bench contention bulk soak lock clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nAnother Python (3.11 to 3.13): make PYTHON=python3.12 run\n'

setup-run:
	@$(PYTHON) tools/setup.py runtime

setup: ## Set up .venv for development (the other targets do it if needed)
	@$(PYTHON) tools/setup.py dev

run: setup-run ## Run a demo brand with captured email, all in var/
	@$(BIN)/habitue demo

test: setup ## Run the tests
	@$(BIN)/python -m pytest -n auto --dist worksteal

check: setup ## Check lint, formatting, types and import contracts; runs all four, then fails if one did
	@status=0; \
	for tool in "ruff check ." "ruff format --check ." "mypy" "lint-imports"; do \
		echo "== $$tool"; $(BIN)/$$tool || status=1; \
	done; exit $$status

format: setup ## Format the code and fix lint errors where possible
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup ## Run the benchmarks (takes long; a single one: .venv/bin/python -m bench.drain --help)
	@$(BIN)/python -m bench

contention: setup ## Run workers, imports and edits beside each other on PostgreSQL, twice five minutes
	@$(BIN)/python -m bench.contention

bulk: setup ## Run the tests in large numbers: kills, a shop's year and a half
	@$(BIN)/python -m pytest -n auto --dist worksteal -m bulk --timeout=1200

soak: setup ## Run the tests that take minutes
	@$(BIN)/python -m pytest -m soak --timeout=3600

lock: setup ## Rewrite the lock files (UPGRADE=1 also upgrades)
	@UPGRADE=$(UPGRADE) tools/lock.sh

clean: ## Remove .venv, caches and build results, but not var/
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	find engine adapters tests bench tools -name __pycache__ -type d -exec rm -rf {} +
