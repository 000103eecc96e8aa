# Everything a fresh machine needs lies in .venv; each target sets it up by itself, once.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   ?= .venv
# Another torch build, e.g. for CUDA: make demo TORCH="torch==2.13.0+cu130 --extra-index-url URL" (see README.md).
TORCH  ?= torch==2.13.0
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test test-slow check bench setup clean help

help:            ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 14

demo: $(READY)   ## the main job: crawl, clean, tokenise, pretrain, fine-tune, evaluate, register, chat
	$(BIN)/chatmill demo

test: $(READY) check   ## format, lint, types and the quick tests
	$(BIN)/python -m pytest -m "not slow and not gpu" --durations=10

test-slow: $(READY)   ## kills, servers, many processes, the demo itself
	$(BIN)/python -m pytest -m "slow and not gpu" --durations=25

check: $(READY)  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(READY)  ## the benchmarks, an hour on two cores (docs/benchmarks.md); GOLD=FOLDER for the extraction, too
	$(BIN)/python -m tests.benchmarks.data --json
	$(if $(GOLD),$(BIN)/python -m tests.benchmarks.extraction $(GOLD))

setup: $(READY)  ## only install

$(READY): pyproject.toml constraints.txt pipeline_config/profiles/demo-requirements.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "found $$($(PYTHON) --version 2>&1 || echo no python), expected Python 3.11 or newer; install it or set PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Installing into $(VENV) (once; some minutes) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r pipeline_config/profiles/demo-requirements.txt
	@touch $@

clean:           ## removes the virtual environment, never your data
	rm -rf $(VENV)
