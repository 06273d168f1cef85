# Everything runs in .venv, which `make install` builds from pyproject.toml and constraints.txt.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
OUT ?= runs/smart-background-$(shell date +%Y%m%d-%H%M%S)
BROWSER := $(shell for name in "$$CHROMIUM" chromium chromium-browser google-chrome chrome; do command -v "$$name" && break; done)
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
# of make mutants FILES="evaluate/filter/bias.py …": the mutants of these files, and the tests that mirror them
MUTATED = $(foreach file,$(FILES),'hepsets.$(subst /,.,$(file:.py=)).*')
MIRRORS = $(shell echo $(foreach file,$(FILES),test_$(notdir $(file))) | sed 's/ / or /g')

.PHONY: help install run test test-base jobs fuzz mutants check format validate benchmark docs notebooks architecture figures bs-dspi-results shipped shipped-delta-c9 shipped-trunk wheels clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' Makefile

install: .venv/installed ## build .venv with the hepsets command in it

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --constraint constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-binary hepsets --no-build-isolation \
		--constraint constraints.txt --editable '.[all,dev]'
	@touch $@

run: install ## run smart-background at standard scale and print its table
	$(BIN)/hepsets run smart-background --scale standard --workers $(WORKERS) --out $(OUT)

# whole analyses are collected first: sorted by the number of their tests, the few long ones would start last
test: install ## run the tests
	@test -n "$(BROWSER)" || echo "no Chromium found: the report is not tested in a browser (Debian: apt-get install chromium)"
	$(BIN)/pytest -m 'not validate and not fuzz$(if $(BROWSER),, and not browser)' -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# on another Python: make jobs JOBS_PYTHON=python3.13
jobs: install ## do five jobs of users from a wheel in fresh environments, from their files to the answer (minutes)
	JOBS_PYTHON=$(JOBS_PYTHON) $(BIN)/pytest tests/jobs -m validate -n $(WORKERS)

# on another Python: make test-base PYTHON=python3.13
test-base: ## test the base installation on any Python: its wheel in a fresh environment, without .venv or torch
	tools/test_base.sh $(PYTHON)

fuzz: install ## damage everything that is read, in thousands of ways: make fuzz FUZZ_SEED=1 FUZZ_INPUTS=500
	FUZZ_SEED=$(or $(FUZZ_SEED),20261129) FUZZ_INPUTS=$(or $(FUZZ_INPUTS),150) $(BIN)/pytest tests/test_fuzz.py -m fuzz -n $(WORKERS)

mutants: install ## change formulas one by one: which changes does no test see? (hours, or FILES=evaluate/filter/speedup.py)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --constraint constraints.txt 'mutmut>=3.8'
	$(if $(FILES),PYTEST_ADDOPTS="-k '$(MIRRORS)'") $(BIN)/mutmut run --max-children $(WORKERS) $(MUTATED)
	$(BIN)/mutmut results | sed '/not checked/d'

validate: install ## run the slow physics validation
	$(BIN)/pytest -m validate -n $(WORKERS)

check: install ## check format, lint, types and the import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: install ## measure the speeds that the docs quote
	$(BIN)/pytest benchmarks -s

.venv/documented: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-binary hepsets --no-build-isolation \
		--constraint constraints.txt --editable '.[docs]'
	@touch $@

docs: .venv/documented ## build the documentation as a site: site/index.html; a dead link or a warning ends it
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --site-dir site
	@echo "site/index.html"

notebooks: .venv/documented ## run the examples as the notebooks of the docs (minutes)
	$(BIN)/python tools/make_notebooks.py

architecture: install ## write the tables of docs/architecture.md from the first lines of files
	$(BIN)/python tools/architecture.py

figures: install ## draw the detector's figures for the docs
	$(BIN)/python tools/detector_figures.py docs/figures

bs-dspi-results: install ## write tables and pictures of docs/bs_dspi.md: make bs-dspi-results RUN=FOLDER
	$(BIN)/python tools/bs_dspi_results.py $(RUN)

shipped: install ## make the package's own filters from a finished run: make shipped RUN=FOLDER, or one: FILTERS=hadronic_b0
	$(BIN)/python tools/ship_filters.py $(RUN) $(FILTERS)

# wheels/ has this hepsets and all that it needs, for machines without a network: pip install --no-index --find-links wheels
wheels: install ## put hepsets and its pinned wheels into wheels/: make wheels EXTRAS=train,generate
	rm -rf build wheels
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir wheels .
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --only-binary :all: --constraint constraints.txt \
		--dest wheels "$$(ls wheels/hepsets-*.whl)$(if $(EXTRAS),[$(EXTRAS)])"

shipped-delta-c9: install ## make the package's own models of ΔC9 from a finished run: make shipped-delta-c9 RUN=FOLDER
	$(BIN)/python tools/ship_delta_c9.py $(RUN)

shipped-trunk: install ## make the package's own trunk from a finished run: make shipped-trunk RUN=FOLDER TRUNK=supervised
	$(BIN)/python tools/ship_trunk.py $(RUN) $(TRUNK)

clean: ## remove .venv and all caches
	rm -rf .venv site build dist wheels src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
