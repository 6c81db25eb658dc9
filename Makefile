PYTHON ?= python3
BIN := .venv/bin
CONFIG ?= configs/cdnow.toml

.PHONY: run test setup lint ui

run: setup
	@$(BIN)/lifecycle run --config $(CONFIG)

test: setup lint
	@$(BIN)/python -m pytest -n 2 --dist loadfile

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

ui: setup
	@$(BIN)/lifecycle ui --config $(CONFIG)

setup:
	@PYTHON=$(PYTHON) sh scripts/setup.sh
