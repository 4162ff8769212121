# Two commands: `make demo` and `make test`. Everything lives in .venv, installed from the lock files.

VENV := .venv
PYTHON := $(VENV)/bin/python
# The first interpreter that really is 3.11 or 3.12 (a shim of that name may exist without one behind it).
BASE_PYTHON ?= $(shell for candidate in python3.12 python3.11 python3 python; do \
	$$candidate -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$candidate && break; done)
RUN_STAMP := $(VENV)/.run
DEV_STAMP := $(VENV)/.dev
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
JUDGES := .judges
PACKAGE := .package
LOWEST := .lowest
# Most tests wait more than they compute: four at a time on two cores.
TEST_PROCESSES ?= 4
# Whatever touches a library, and nothing that needs a tool whose own dependencies are newer (pySigma, Okta's SDK).
LOWEST_TESTS := $(addprefix tests/unit/okta_source/,auth config fetching hooks http metrics polling events test_source.py test_partition.py) \
	tests/unit/sinks tests/unit/flows/configuration tests/unit/flows/pipeline/formats tests/unit/flows/reading tests/unit/flows/runtime \
	tests/unit/flows/search tests/unit/flows/test_system_log.py tests/conformance/sinks/test_deliver.py tests/conformance/sinks/test_refusals.py \
	tests/conformance/test_calendar.py tests/conformance/test_odd_events.py tests/conformance/test_webhook_signatures.py tests/fuzz
SOURCES := okta_source sinks flows grafana tests docs

.PHONY: help demo servers judges test lint format dashboards screenshots docs reference package lowest fuzz bench lock clean
help:
	@echo "make demo    a simulated backlog of two organisations, polled into demo/out"
	@echo "make servers fetch the OpenSearch and Elasticsearch that the tests run against (needs Java 17 and Maven)"
	@echo "make judges  fetch Stoplight Prism and an Okta emulator, which judge requests in the tests (needs Node.js 18 or newer and npm)"
	@echo "make test    the whole test suite"
	@echo "make lint    formatting, linters, types, import rules"
	@echo "make format  put the code into the one format"
	@echo "make dashboards   write grafana/dashboards*/ from grafana/generator/"
	@echo "make screenshots  render the dashboards into screenshots/ with the Grafana that GRAFANA_URL names"
	@echo "make docs    build the documentation into site/, strictly"
	@echo "make reference    write the tables of docs/configuration.md, ecs.md and ocsf.md, and docs/detection-rules.md, from the code"
	@echo "make package  build wheel and sdist, install the wheel into an empty environment, and follow the documentation there"
	@echo "make lowest  the quick tests with the lowest versions that pyproject.toml allows"
	@echo "make fuzz    a million bent inputs from a seed of their own, with what fails kept; see tests/fuzz/"
	@echo "make bench   CPU and time per event beside a plain loop and other collectors, which it installs into .bench; see tests/benchmarks/README.md"
	@echo "make lock    resolve the lock files anew from pyproject.toml"

$(VENV)/pyvenv.cfg:
	@test -n "$(BASE_PYTHON)" || { echo "No Python 3.11 or 3.12 with venv found: install one, or name it: make BASE_PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@echo "creating $(VENV) with $(BASE_PYTHON)"
	@$(BASE_PYTHON) -m venv $(VENV)

# The build backend comes from a lock file with hashes too: without isolation, pip fetches none of its own.
$(RUN_STAMP): $(VENV)/pyvenv.cfg requirements.lock requirements-build.lock pyproject.toml
	@echo "installing from requirements.lock"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --require-hashes -r requirements-build.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP) requirements-dev.lock
	@echo "installing from requirements-dev.lock"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(RUN_STAMP)
	@$(PYTHON) -m flows.demo

servers: $(RUN_STAMP)
	@$(PYTHON) -m tests.integration.servers fetch

# Their lock file holds a hash of each package. What is complete says so by the file `installed`.
judges: $(JUDGES)/installed

$(JUDGES)/installed: tests/integration/judges/package.json tests/integration/judges/package-lock.json
	@command -v npm >/dev/null || { echo "npm not found: install it (Debian: apt-get install nodejs npm)" >&2; exit 1; }
	@mkdir -p $(JUDGES)
	@rm -f $@
	@cp tests/integration/judges/package.json tests/integration/judges/package-lock.json $(JUDGES)
	@npm ci --prefix $(JUDGES) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

test: $(DEV_STAMP)
	@$(PYTHON) -m pytest --numprocesses $(TEST_PROCESSES) --dist loadgroup $(PYTEST_ARGS)

lint: $(DEV_STAMP)
	$(VENV)/bin/ruff format --check $(SOURCES)
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) -m grafana.generator --check
	$(PYTHON) -m flows.configuration.reference --check
	$(PYTHON) -m flows.pipeline.format_reference --check
	$(PYTHON) -m flows.detections.catalogue --check

format: $(DEV_STAMP)
	$(VENV)/bin/ruff format $(SOURCES)
	$(VENV)/bin/ruff check --fix $(SOURCES)

dashboards: $(DEV_STAMP)
	@$(PYTHON) -m grafana.generator

screenshots: $(DEV_STAMP)
	@$(PYTHON) -m grafana.screenshots

docs: $(DEV_STAMP)
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict

reference: $(DEV_STAMP)
	@$(PYTHON) -m flows.configuration.reference
	@$(PYTHON) -m flows.pipeline.format_reference
	@$(PYTHON) -m flows.detections.catalogue

# The sdist builds the wheel, with the backend from requirements-dev.lock; what a reader of the pages types is then run with what was installed.
package: $(DEV_STAMP)
	@rm -rf dist $(PACKAGE)
	@$(PYTHON) -m build --no-isolation --outdir dist . >/dev/null
	@$(PYTHON) -m venv $(PACKAGE)
	@$(PACKAGE)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements.lock
	@$(PACKAGE)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps dist/*.whl
	@DOCS_PYTHON=$(abspath $(PACKAGE))/bin/python $(PYTHON) -m pytest -q -n0 tests/e2e/docs -k "README or dataflow or simulator"

# Each dependency in the lowest version that pyproject.toml promises to do, from a lock file of its own; what judges is today's.
lowest: $(DEV_STAMP)
	@rm -rf $(LOWEST)
	@$(PYTHON) -m venv $(LOWEST)
	@$(LOWEST)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-lowest.lock
	@$(LOWEST)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	@$(LOWEST)/bin/python -m pytest --quiet --numprocesses $(TEST_PROCESSES) --dist loadgroup -m "not slow" $(LOWEST_TESTS)

fuzz: $(DEV_STAMP)
	@$(PYTHON) -m tests.fuzz --seed "$$(date +%s)" $(FUZZ_ARGS)

bench: $(DEV_STAMP)
	@$(PYTHON) -m tests.benchmarks.race $(BENCH_ARGS)

lock: $(DEV_STAMP)
	$(VENV)/bin/uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock
	$(VENV)/bin/uv pip compile --quiet pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header -c requirements.lock -o requirements-dev.lock
	echo "hatchling==1.27.0 editables" | tr ' ' '\n' | $(VENV)/bin/uv pip compile --quiet - --universal --python-version 3.11 --generate-hashes --no-header -c requirements-dev.lock -o requirements-build.lock
	$(VENV)/bin/uv pip compile --quiet pyproject.toml --extra search --universal --python-version 3.11 --resolution lowest-direct --no-header --no-annotate -o $(VENV)/floors.txt
	$(VENV)/bin/uv pip compile --quiet pyproject.toml --extra search --extra lowest --universal --python-version 3.11 --generate-hashes --no-header -c $(VENV)/floors.txt -o requirements-lowest.lock

clean:
	rm -rf $(VENV) $(PACKAGE) $(LOWEST) .servers .bench $(JUDGES) demo/out demo/state build dist site
