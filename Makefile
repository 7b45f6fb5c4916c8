# What there is to do here, each from a clean clone with nothing else typed.
#   make up            broker, collectors and viewer on this machine; options: make up ARGS="--port 8081"
#   make test          all tests; installs what else they need from Debian's packages when run as root
#   make test-docker   what docker compose starts, with the Docker that is installed
#   make check         ruff, mypy, import-linter, hadolint
#   make bench         the figures, as a table
#   make mutants       takes out one guard after the other: which test misses it, as a table
#   make screenshot    docs/page.png
#   make kube          what in kube/ is made: the base from the chart
#   make constraints   pins anew what CI installs

BIN := .venv/bin
WORKERS := 4  # tests wait more than they compute: more of them at once than there are cores
INSTALLED_FROM := pyproject.toml constraints.txt scripts/venv.sh
.DEFAULT_GOAL := up
.PHONY: up test test-docker check bench mutants screenshot golden kube constraints clean

up: .venv/up.installed
	@exec $(BIN)/minimq up $(ARGS)

test: .venv/dev.installed
	@scripts/debian.sh
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-docker: .venv/dev.installed
	@scripts/debian.sh
	$(BIN)/python -m pytest tests/docker $(ARGS)

check: .venv/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/hadolint Dockerfile

bench: .venv/dev.installed
	$(BIN)/python -m bench $(ARGS)

mutants: .venv/dev.installed
	$(BIN)/python scripts/mutants.py $(ARGS)

screenshot: .venv/dev.installed
	@scripts/debian.sh
	$(BIN)/python scripts/screenshot.py

golden: .venv/dev.installed
	$(BIN)/python tests/data/golden/make_golden.py
	$(BIN)/python tests/data/golden/make_capsule.py

kube: .venv/dev.installed
	$(BIN)/python scripts/kube_base.py

constraints:
	@scripts/constraints.sh

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/up.installed: $(INSTALLED_FROM)
	@scripts/venv.sh collectors,broker,gateway,viewer
	@touch $@

.venv/dev.installed: $(INSTALLED_FROM)
	@scripts/venv.sh dev
	@touch $@ .venv/up.installed
