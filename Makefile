# SPDX-License-Identifier: Apache-2.0
# Two commands: `make demo` runs the market stall, `make test` passes every test. Both make their own environment.

SHELL := /bin/bash
VENV ?= .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: demo test test-quick test-long lint tools bench docs clean

demo: $(STAMP)
	@GATES_LLVM=$$(bash scripts/system.sh llvm) ; \
	$(VENV)/bin/gates -C build/market_stall run market-stall

test: lint test-quick test-long

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test-quick: $(STAMP) tools
	@. build/tools/env && $(PY) -m pytest -m "not long" -n 2

test-long: $(STAMP) tools
	@. build/tools/env && $(PY) -m pytest -m long

tools: $(STAMP)
	@bash scripts/tools.sh $(PY)

bench: $(STAMP) tools
	@. build/tools/env && for script in benchmarks/*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

docs: $(STAMP)
	$(PY) scripts/reference.py

$(STAMP): pyproject.toml scripts/install.sh
	@bash scripts/install.sh $(VENV)
	@touch $@

clean:
	rm -rf build .venv dist
