# A table of contents: what each target does lives where it belongs.
SHELL := /bin/bash
BIN := .venv/bin
INVENTORY := -i inventories/tier1 -i inventories/sandbox

.DEFAULT_GOAL := help
.PHONY: help rehearse test lint up down env url bench lock

help: ## Show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

rehearse: .venv/installed ## Build Tier 1 here, release the application on it and show it working
	@$(BIN)/python -m sandbox.rehearse

test: .venv/installed ## Everything: lint, unit, contract, molecule and end-to-end tests
	@$(BIN)/python -m tests.run

bench: .venv/installed ## What takes longer: killed at ten moments, in other accounts and regions
	@$(BIN)/python -m tests.run bench

lint: .venv/installed ## Only what reads the files
	@$(BIN)/python -m tests.run lint

up: .venv/installed ## Start the local AWS, empty
	@$(BIN)/sandbox up

down: ## Stop it: no process, no port and no data stays
	@[ ! -x $(BIN)/sandbox ] || $(BIN)/sandbox down

env: .venv/installed ## Print what points an AWS client at it: eval "$$(make env)"
	@$(BIN)/sandbox env

url: .venv/installed ## Print the application's address
	@$(BIN)/sandbox url

lock: .venv/installed ## Write requirements.lock anew from pyproject.toml
	@tools/lock

.venv/installed: requirements.lock pyproject.toml
	@tools/install
