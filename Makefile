# Everything runs in .venv, which is made on first use. Paths stay relative, so a checkout may stand anywhere.
# PYTHON=/path/to/python chooses the interpreter; otherwise the first of at least 3.11 is taken.

VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet
LOCKED := $(PIP) install --require-hashes --no-deps
COMPILE := $(RUN) -m uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
PYTEST_ARGS ?=

export PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo tour test check format bench mutants lock clean

help: ## say what there is (this text)
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 16

demo: $(VENV)/up.stamp ## install Licet into .venv and run the example platform on this machine
	@$(VENV)/bin/licet up examples/shop --shadow shop/checkout

tour: $(VENV)/up.stamp ## ask that platform everything that can be asked without running it
	@tools/tour.sh

test: $(VENV)/dev.stamp ## install the tools beside it and run every test; PYTEST_ARGS is passed on
	@$(RUN) tools/fetch_kubectl.py
	@$(RUN) tools/fetch_nft.py
	@$(RUN) -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

check: $(VENV)/dev.stamp ## format, lint, strict types, import contracts
	@$(RUN) -m ruff format --check .
	@$(RUN) -m ruff check .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/dev.stamp ## put the code in its usual form
	@$(RUN) -m ruff format .
	@$(RUN) -m ruff check --fix .

bench: $(VENV)/dev.stamp $(VENV)/bench.stamp ## measure, and print what was measured beside its baselines
	@$(RUN) -m bench

mutants: $(VENV)/mutants.stamp ## change the engine in thousands of small ways and count how many the tests notice (an hour or two)
	@$(VENV)/mutants/bin/python -m mutmut run --max-children 2 $(MUTANTS)
	@$(RUN) tools/mutation_score.py

lock: $(VENV)/dev.stamp ## find new versions within the ranges of pyproject.toml and pin them; UPGRADE=--upgrade
	@$(COMPILE) $(UPGRADE) pyproject.toml -o requirements/core.txt
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra identity -c requirements/core.txt -o requirements/identity.txt
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra identity --extra up -c requirements/identity.txt -o requirements/up.txt
	@$(COMPILE) $(UPGRADE) --group build -c requirements/core.txt -o requirements/build.txt
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra identity --extra up --group dev -c requirements/up.txt -c requirements/build.txt -o requirements/dev.txt
	@$(COMPILE) $(UPGRADE) --group bench -o requirements/bench.txt
	@$(COMPILE) $(UPGRADE) pyproject.toml --extra identity --extra up --group mutants -c requirements/dev.txt -o requirements/mutants.txt

clean: ## remove what was made here, .venv included
	@rm -rf $(VENV) .tools dist build bench/out mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The package is installed editable: what runs is what is in src, and no test meets a stale copy.
$(VENV)/core.stamp: $(RUN) requirements/core.txt requirements/build.txt pyproject.toml
	@tools/environment.sh
	@$(LOCKED) -r requirements/core.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/identity.stamp: $(VENV)/core.stamp requirements/identity.txt
	@$(LOCKED) -r requirements/identity.txt
	@touch $@

$(VENV)/up.stamp: $(VENV)/identity.stamp requirements/up.txt
	@$(LOCKED) -r requirements/up.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/up.stamp requirements/dev.txt
	@$(LOCKED) -r requirements/dev.txt
	@touch $@

# Kept apart: what is measured against needs older versions than Licet does.
$(VENV)/bench.stamp: $(RUN) requirements/bench.txt
	@$(RUN) -m venv $(VENV)/bench
	@$(VENV)/bench/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r requirements/bench.txt
	@touch $@

# Kept apart: the mutants are imported from a copy of src, so no editable install may stand before them.
$(VENV)/mutants.stamp: $(VENV)/dev.stamp requirements/mutants.txt
	@$(RUN) -m venv $(VENV)/mutants
	@$(VENV)/mutants/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r requirements/mutants.txt
	@touch $@

$(RUN):
	@tools/environment.sh
