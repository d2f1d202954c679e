# SPDX-License-Identifier: MIT
# The front door: each target installs what it needs, then does one thing. The work is done by meson,
# pip and the scripts in scripts/.
#
#   make run                     build, then serve examples/demo (PORT=8000)
#   make test                    build, then every test
#   make build PYTHON=python3.12 for another interpreter; VENV= and BUILD= keep its files apart

PYTHON ?= python3
VENV ?= .venv
BUILD ?= build
PORT ?= 8000
BIND ?= 127.0.0.1:$(PORT)
# Options for meson setup, such as -Dwerror=true.
SETUP ?=
# Seconds that `make fuzz` spends on each target.
SECONDS_EACH ?= 20

export PYTHON VENV BUILD
export PIP_DISABLE_PIP_VERSION_CHECK = 1

pip := $(VENV)/bin/pip -q
made := $(VENV)/.made-with-$(subst /,_,$(PYTHON))
sources := $(shell find src python -not -name '*.pyc' -not -name __pycache__) meson.build pyproject.toml
# A virtual environment remembers what is installed in it by stamps of that name.
stamp = $(VENV)/.has-$(1)

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: run build test unit e2e lint format fuzz bench docs asan tsan clean help \
	needs-run needs-test needs-fuzz needs-bench

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

# --- what the machine must have ----------------------------------------------------------------------

needs-run needs-test needs-fuzz needs-bench: needs-%:
	@scripts/bootstrap $(sort run $*)

# --- the virtual environment -------------------------------------------------------------------------

$(made): | needs-run
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(call stamp,build) $(call stamp,test) $(call stamp,lint): $(call stamp,%): requirements/%.txt $(made)
	@echo "installing $< into $(VENV)"
	@$(pip) install -r $<
	@touch $@

$(call stamp,demo): examples/demo/requirements.txt $(made)
	@echo "installing $< into $(VENV)"
	@$(pip) install -r $<
	@touch $@

# --- galley itself -----------------------------------------------------------------------------------

build: needs-run $(call stamp,galley)

$(call stamp,galley): $(sources) $(call stamp,build)
	@echo "building galley in $(BUILD), installing it into $(VENV)"
	@PATH="$(abspath $(VENV)/bin):$$PATH" $(pip) install --no-deps --no-build-isolation --force-reinstall \
		-Cbuild-dir=$(BUILD) $(addprefix -Csetup-args=,$(SETUP)) .
	@touch $@

run: build $(call stamp,demo)
	@echo "galley serves examples/demo at http://$(BIND)/ (Ctrl-C stops it)"
	@exec $(VENV)/bin/galley --bind $(BIND) --chdir examples/demo app:app

# --- tests -------------------------------------------------------------------------------------------

test: needs-test build $(call stamp,test)
	@scripts/test unit e2e

unit: needs-test build
	@scripts/test unit

e2e: needs-test build $(call stamp,test)
	@scripts/test e2e

asan tsan: needs-test
	@scripts/sanitize $@

fuzz: needs-fuzz $(call stamp,build)
	@scripts/fuzz $(SECONDS_EACH)

lint: build $(call stamp,lint)
	@scripts/lint

format: $(call stamp,lint)
	git ls-files -z 'src/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' | xargs -0 -r $(VENV)/bin/clang-format -i
	$(VENV)/bin/ruff format
	$(VENV)/bin/ruff check --fix

# --- the rest ----------------------------------------------------------------------------------------

bench: needs-bench build
	@$(VENV)/bin/python bench/run.py
	@$(VENV)/bin/python bench/syscalls.py

docs: build
	@scripts/docs

clean:
	rm -rf build build-* dist .venv .venv-* docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
