# Gioconda: `make` lists what there is. Everything lives in .venv, onnx_models/ and out/; `make clean` takes out what was made.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Which build of ONNX Runtime: cpu, or gpu (CUDA, TensorRT).
EXTRA ?= cpu
# The first interpreter that is new enough; `make setup PYTHON=python3.12` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
READY := $(VENV)/.ready-$(EXTRA)
TOOLS := $(VENV)/.ready-$(EXTRA)-dev
# Blender as a Python module: only for the extension's builder and the add-on's tests. 4.5 is the newest for Python 3.11.
BPY ?= bpy==4.5.15
BPY_PY := .venv-bpy/bin/python
BUILDER = $(PY) $(firstword $(wildcard .venv-bpy/lib/python3*/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py))

.PHONY: help setup models demo test lint format bench extension clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):[^#]*## */\1\t/' | expand -t 12

setup: $(READY)  ## a virtual environment with Gioconda in it (EXTRA=gpu for NVIDIA cards)

$(READY): pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "Gioconda needs Python 3.11 or newer, with venv: install one, or say 'make setup PYTHON=/path/to/python3'." >&2; exit 1; fi
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PIP) install -e ".[$(EXTRA)]"
	@touch $@

$(TOOLS): $(READY)
	$(PIP) install -e ".[$(EXTRA),dev]"
	@touch $@

models: setup  ## the face nets, converted to ONNX (once; needs the package index)
	$(PY) core models build

demo: setup models  ## animate a portrait: out/demo/####.exr, preview.mp4, contact_sheet.png
	$(PY) core demo

test: $(TOOLS) models lint  ## everything that must hold: lint, types, tests, a short demo from end to end
	$(PY) -m pytest
	$(PY) core demo --frames 1-40x13 --output out/test/####.exr --overwrite

lint: $(TOOLS)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(TOOLS)  ## let ruff put the source in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(TOOLS) models  ## quality and speed, measured (the clips need ../shared)
	$(PY) -m tests.bench

extension: setup .venv-bpy/.ready  ## dist/gioconda-VERSION.zip for Blender (fetches Blender's module, 1 GB, once)
	@mkdir -p dist
	$(BUILDER) build --source-dir . --output-dir dist
	@for zip in dist/gioconda-*.zip; do $(BUILDER) validate "$$zip"; done

.venv-bpy/.ready:
	$(PYTHON) -m venv .venv-bpy
	$(BPY_PY) -m pip --disable-pip-version-check --quiet install $(BPY)
	@touch $@

clean:  ## take out what was made: environments, nets, results
	rm -rf $(VENV) .venv-bpy out dist build onnx_models/*.onnx .mypy_cache .ruff_cache .pytest_cache .hypothesis
