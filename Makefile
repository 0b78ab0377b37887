# Tipline on a machine with python3 and make: `make run`, `make test`. State lies in ./instance (TIPLINE_DATA).

VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

# The newest Python that really runs here and can make an environment. Version managers leave names behind that do not.
PYTHON := $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v "$$p"; break; }; done)

LOCK := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

# Tests start many processes, which shall not compile their modules anew each time: bytecode is written even where the shell forbids it.
# They write much and wait for the disk: a file system in memory serves them where it has 10 GB to spare.
SCRATCH := $(shell df -k --output=avail /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 10000000 { print "/dev/shm" }')

.DEFAULT_GOAL := help
.PHONY: help run demo test faults hostile lint lock messages clean

help:  ## Show this list
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run  ## Serve both faces on loopback and print their addresses and the first administrator's link
	@$(BIN)/tipline run

demo: $(VENV)/.run  ## Load a fictional case into a fresh data folder, then `make run`
	@$(BIN)/tipline demo

test: $(VENV)/.test $(VENV)/.compiled  ## Run all tests
	@PYTHONDONTWRITEBYTECODE= $(if $(SCRATCH),PYTEST_DEBUG_TEMPROOT=$(SCRATCH) TMPDIR=$(SCRATCH) )$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder

faults: $(VENV)/.test  ## Inject every fault there is a test for, and count them; the share of `make test` is random (FAULTS_SEED)
	@FAULTS=$(or $(FAULTS),all) $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal tests/faults

hostile: $(VENV)/.test  ## Send every hostile file of ../shared/data the whole way, every hostile string, and all that the API refuses; the share of `make test` is random (HOSTILE_SEED)
	@HOSTILE=all $(BIN)/python -m pytest tests/journeys/test_hostile_files.py tests/journeys/test_naughty_strings.py tests/tipline/api/test_contract.py

# once and before six processes would each do it at their start: the bytecode of what they import, and of the tests themselves
$(VENV)/.compiled: $(VENV)/.test $(shell find evidence tipline tests -name '*.py')
	@$(BIN)/python -m compileall -q evidence tipline
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q --collect-only >/dev/null || true
	@touch $@

lint: $(VENV)/.test  ## Style, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock:  ## Resolve requirements*.in anew into requirements*.txt (needs uv); no host name ends up in them
	@uv=$$(command -v uv || command -v $(BIN)/uv) && \
	"$$uv" pip compile -q --upgrade $(LOCK) requirements.in -o requirements.txt && \
	"$$uv" pip compile -q --upgrade $(LOCK) -c requirements.txt requirements-test.in -o requirements-test.txt

messages: $(VENV)/.test  ## Gather the texts of the public face into tipline/locales/*/LC_MESSAGES/tipline.po, where they are translated
	@mkdir -p build
	@$(BIN)/pybabel -q extract -F babel.cfg -k say -k say_many:1,2 -k later --no-default-keywords -k _ -k gettext -k ngettext:1,2 \
		--ignore-dirs '.*' --no-location --sort-output --width 140 --omit-header -o build/tipline.pot .
	@$(BIN)/pybabel -q update -D tipline -i build/tipline.pot -d tipline/locales --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 140

clean:  ## Remove the environment and caches; the data folder stays
	rm -rf $(VENV) build .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Tipline needs Python 3.11 or newer with venv and ensurepip (Debian: apt install python3-venv)."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements.txt pyproject.toml
	@echo "Installing what Tipline needs into $(VENV), once; up to a minute."
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/.test: $(VENV)/.made requirements.txt requirements-test.txt pyproject.toml
	@echo "Installing what the tests need into $(VENV), once; up to a minute."
	@$(call install,requirements-test.txt)
	@touch $@ $(VENV)/.run

# uv takes two seconds where pip takes thirty; both check every hash
ifneq ($(UV),)
install = $(UV) pip install -q --python $(BIN)/python --require-hashes -r $(1) && $(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
else
install = $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
