# `make help` lists the targets. They run in the environment .venv, which the first target that needs it makes.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -I
SOURCES := datadog_checks/amazon_ses standalone simulator demo benchmarks tools noxfile.py

# Variables of the shell that calls make, which must not change the environment made here.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV CONDA_PREFIX
unexport PIP_TARGET PIP_PREFIX PIP_ROOT PIP_CONSTRAINT PIP_REQUIREMENT PIP_NO_DEPS PIP_NO_BINARY PIP_REQUIRE_VIRTUALENV
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The version of PYTHON is in the stamp's name, because another one needs another environment.
VERSION := $(shell '$(PYTHON)' -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
READY := $(VENV)/ready-$(or $(VERSION),none)

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@echo 'usage: make TARGET [PYTHON=python3.13]'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1	\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

.PHONY: demo
demo: $(READY) ## run the check for six simulated hours against a simulator, prove its counts, draw the dashboards
	@$(RUN) -m demo

.PHONY: test
test: $(READY) ## all tests; ARGS are arguments of pytest
	@$(RUN) -m pytest --numprocesses auto --dist loadfile $(ARGS)

.PHONY: bench
bench: $(READY) ## the cost of the check, compared with the obvious ways to write it and with stated bounds; ONLY=cases
	@$(RUN) -m benchmarks $(if $(ONLY),--only '$(ONLY)') $(ARGS)

.PHONY: fleet
fleet: $(READY) ## 300 accounts in three Regions in one process: what is asked against the plan; ARGS='--accounts 30'
	@$(RUN) -m benchmarks.fleet $(ARGS)

.PHONY: configurations
configurations: $(READY) ## as many configurations as you like, each a working check or an error that says why: N=10000
	@CONFIGURATIONS='$(or $(N),10000)' $(RUN) -m pytest tests/integration/test_configurations.py $(ARGS)

.PHONY: soak
soak: $(READY) ## a month of faults, gaps, restarts and rotated keys in minutes: DAYS=30 SEED=12
	@SOAK_DAYS='$(or $(DAYS),30)' SOAK_SEED='$(or $(SEED),12)' $(RUN) -m pytest -s -p no:logging \
	  tests/integration/test_soak.py $(ARGS)

# The values pass through the environment as they are, because a file name may have spaces and quotes.
.PHONY: check
check: export CHECK_CONF = $(value CONF)
check: export CHECK_RUNS = $(value RUNS)
check: export CHECK_PAUSE = $(value PAUSE)
check: export CHECK_FORMAT = $(value FORMAT)
check: export CHECK_STATE = $(value STATE)
check: $(READY) ## run the check without an Agent: CONF=file [RUNS=] [PAUSE=] [FORMAT=] [STATE=]
	@test -n "$$CHECK_CONF" || { echo 'Say which configuration: make check CONF=conf.yaml' >&2; exit 2; }
	@$(RUN) -m standalone check --config "$$CHECK_CONF" $${CHECK_RUNS:+--runs "$$CHECK_RUNS"} \
	  $${CHECK_PAUSE:+--pause "$$CHECK_PAUSE"} $${CHECK_FORMAT:+--format "$$CHECK_FORMAT"} \
	  $${CHECK_STATE:+--state "$$CHECK_STATE"}

.PHONY: lint
lint: $(READY) ## ruff on everything; mypy --strict and vulture, which finds dead code, on all but the tests
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff check --select C901 --config 'lint.mccabe.max-complexity = 10' datadog_checks
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy $(SOURCES)
	@$(RUN) -m vulture $(SOURCES)

.PHONY: format
format: $(READY) ## let ruff repair and format the code
	@$(RUN) -m ruff check --fix --quiet . || true
	@$(RUN) -m ruff format .

.PHONY: sync
sync: $(READY) ## write the generated files
	@$(RUN) -m tools.sync

.PHONY: compat
compat: $(READY) ## the tests on other versions of Python, botocore and base package: ONLY=row, ARGS=tests, PYTHON311=
	@$(RUN) -m nox --session tests $(if $(ONLY),--keywords '$(ONLY)') $(if $(ARGS),-- $(ARGS))

.PHONY: faults
faults: $(READY) ## every operation with every fault, written to .faults/table.md: ARGS='--operation GetAccount'
	@mkdir -p .faults && $(RUN) tests/faults/fault_table.py --output .faults/table.md $(ARGS)

.PHONY: pictures
pictures: $(READY) ## draw the shipped pictures of the dashboards, from the run of make demo and a play
	@mkdir -p .demo && $(RUN) -m demo.record .demo/recording.json
	@$(RUN) -m tools.boards.record .demo inventory
	@$(RUN) -m tools.boards.pictures .demo/recording.json .demo/inventory images

.PHONY: validate
validate: $(READY) ## Datadog's validators; needs Python 3.13 (PYTHON313=) and installs ddev
	@$(RUN) -m nox --session validate

.PHONY: ddev
ddev: $(READY) ## Datadog's test command: style, tests, tests with the oldest base package; ARGS are those of pytest
	@$(RUN) -m nox --session validate -- test $(ARGS)

.PHONY: wheel
wheel: $(READY) ## build the wheel twice, install it as the Agent does on each Python, and run it: PYTHON311= to PYTHON313=
	@$(RUN) -m nox --session wheel

.PHONY: clean
clean: ## remove .venv and everything that was built
	rm -rf $(VENV) .bench .compat .demo .faults .validate build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The Agent's part goes first and alone: see requirements/agent.txt.
$(READY): requirements/agent.txt requirements/tests.txt requirements/dev.txt pyproject.toml
	@'$(PYTHON)' -I -c 'pass' 2>/dev/null || { \
	  echo 'There is no "$(PYTHON)" here. Install Python 3.11 or newer, or name one: make PYTHON=python3.13' >&2; exit 2; }
	@'$(PYTHON)' -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo '$(PYTHON) is Python $(VERSION); 3.11 or newer is needed. Name one: make PYTHON=python3.13' >&2; exit 2; }
	@echo 'Preparing $(VENV) with Python $(VERSION) (about a minute)'
	@'$(PYTHON)' -I -m venv --clear $(VENV) || { \
	  echo 'Python could not make an environment. On Debian and Ubuntu: apt install python3-venv' >&2; exit 2; }
	@echo '  1/3 what the Agent ships'
	@$(RUN) -m pip install --quiet -r requirements/agent.txt
	@echo '  2/3 tools for tests and lint'
	@$(RUN) -m pip install --quiet -r requirements/dev.txt
	@echo '  3/3 this check'
	@$(RUN) -m pip install --quiet --no-build-isolation --editable '.[deps]'
	@touch $@
