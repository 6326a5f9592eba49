# Everything that is done with this repository. Each target makes its own .venv when it is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
COMPILED := build/compiled
# Tests of what is compiled, and of what is made of it.
COMPILED_TESTS := $(addprefix tests/,wire cache zone iterate policy serve net rfc fuzz testing)
TEST_COMPILED := PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(COMPILED):$(CURDIR) \
	ROOTWARD_TESTED=compiled $(BIN)/python -m pytest $(or $(TESTS),$(COMPILED_TESTS))

.PHONY: help run test lint compile demo bench docs clean
help:  ## show this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: $(INSTALLED)  ## serve config.toml on 127.0.0.1 and ::1, port 1053
	@exec $(BIN)/rootward run

# The compiled copy is made and tested beside the rest: one after the other would take minutes more.
test: lint  ## lint, types, all tests; beside them the engine's once compiled
	@mkdir -p build
	@{ nice -n 19 $(BIN)/python -m resolver.compile $(COMPILED) && $(TEST_COMPILED); } \
		>build/compiled.log 2>&1 & \
		$(BIN)/python -m pytest $(TESTS); plain=$$?; \
		wait $$!; compiled=$$?; cat build/compiled.log; \
		test $$plain = 0 && { test $$compiled = 0 || test $$compiled = 77; }

lint: $(INSTALLED)  ## lint and types only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

compile: $(INSTALLED)  ## a copy with its hot modules compiled, in build/compiled
	$(BIN)/python -m resolver.compile $(COMPILED)

demo: $(INSTALLED)  ## resolve through a fake root on loopback addresses
	@exec $(BIN)/python -m resolver.testing.demo

bench: $(INSTALLED)  ## measure, beside other servers where they are installed
	@exec $(BIN)/python -m tests.bench

docs: $(INSTALLED)  ## write docs/config.md and docs/config.schema.json anew
	$(BIN)/python -m resolver.config.reference

clean:  ## remove .venv and everything that was made
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: make PYTHON=python3.12 ...' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
