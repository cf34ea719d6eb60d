# Three environments: .venv-run holds what a detector needs (no torch), .venv all that development needs, and .venv-tflite
# an old TFLite runtime, which needs an old numpy.
# Only relative paths are used, so that a clone may lie in a folder with spaces in its name.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

RUN_ENV := .venv-run
DEV_ENV := .venv
TFLITE_ENV := .venv-tflite
# Twice quiet: errors only.
PIP := -m pip install -qq --disable-pip-version-check
PYTEST_JOBS ?= 2
# The tests run in several processes; each keeps to one thread.
export OMP_NUM_THREADS ?= 1

.PHONY: help run test lint format docs clean $(TFLITE_ENV)

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

run: $(RUN_ENV)/.installed ## Listen for the word "computer": microphone, or the bundled recording
# Ctrl-C is how this ends; 130 is no error.
	@$(RUN_ENV)/bin/python run.py --demo-if-no-microphone || test $$? -eq 130

test: lint $(TFLITE_ENV) ## Everything a change must pass: lint, types, tests, installs on several Pythons
	$(DEV_ENV)/bin/python -m pytest -n $(PYTEST_JOBS) --dist loadfile $(PYTEST_ARGS)

lint: $(DEV_ENV)/.installed ## Style, formatting and types
	$(DEV_ENV)/bin/python -m ruff check .
	$(DEV_ENV)/bin/python -m ruff format --check .
	$(DEV_ENV)/bin/python -m mypy

format: $(DEV_ENV)/.installed ## Put the code into the one format
	$(DEV_ENV)/bin/python -m ruff check --fix .
	$(DEV_ENV)/bin/python -m ruff format .

docs: $(DEV_ENV)/.installed ## Build the site of the documents into site/
# Not with --quiet, under which no warning ends a strict build.
	@NO_MKDOCS_2_WARNING=1 $(DEV_ENV)/bin/python -m mkdocs build --strict
	@echo "site/index.html"

clean: ## Remove environments, caches and build folders (never runs/)
	rm -rf $(RUN_ENV) $(DEV_ENV) $(TFLITE_ENV) build dist site *.egg-info .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './runs/*' -prune -exec rm -rf {} +

# Set-up is done again only when what it reads has changed.
$(RUN_ENV)/.installed: setup.cfg pyproject.toml apt-packages-microphone.txt tools/make_venv.sh tools/install_apt.sh
	@sh tools/make_venv.sh $(RUN_ENV) 10 13
	$(RUN_ENV)/bin/python $(PIP) --editable '.[onnx]'
# Without what PyAudio is built with there is still the recording to listen to.
	@{ sh tools/install_apt.sh apt-packages-microphone.txt && $(RUN_ENV)/bin/python $(PIP) --editable '.[mic]'; } \
		|| echo "no microphone: PyAudio could not be installed"
	@touch $@

$(DEV_ENV)/.installed: setup.cfg pyproject.toml constraints.txt apt-packages.txt apt-packages-microphone.txt tools/make_venv.sh tools/install_apt.sh
	@sh tools/install_apt.sh apt-packages.txt apt-packages-microphone.txt
	@sh tools/make_venv.sh $(DEV_ENV) 11 13
	$(DEV_ENV)/bin/python $(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(TFLITE_ENV): $(TFLITE_ENV)/.installed
# No other Python has wheels of it, whatever `make PYTHON=` says.
$(TFLITE_ENV)/.installed: Makefile tools/make_venv.sh
	@PYTHON= sh tools/make_venv.sh $(TFLITE_ENV) 10 11
	$(TFLITE_ENV)/bin/python $(PIP) 'tflite-runtime==2.14.0' 'numpy<2'
	@touch $@
