# Gioconda: `make` lists what there is. Everything lives in .venv and out/; `make clean` takes out what was made.

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
SCRIPTS := Scripts
SEPARATOR := ;
else
SCRIPTS := bin
SEPARATOR := :
endif
BIN := $(VENV)/$(SCRIPTS)
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
READY := $(VENV)/.ready-$(EXTRA)
TOOLS := $(VENV)/.ready-$(EXTRA)-dev
# Blender as a Python module, for the extension's builder and the add-on's tests: each in its own environment, with the
# Python and numpy of its official build. 1 GB each. GIOCONDA_BPY=/a/venv:/another uses some that are there already.
BPY_4.2 := bpy==4.2.23 numpy==1.24.*
BPY_4.5 := bpy==4.5.15
BPY_5.0 := bpy==5.0.1
BPY_5.2 := bpy==5.2.3
BPY_PYTHON_4.2 := 3.11
BPY_PYTHON_4.5 := 3.11
BPY_PYTHON_5.0 := 3.11
BPY_PYTHON_5.2 := 3.13
BLENDERS := 4.2 4.5 5.0 5.2
OLDEST_AND_NEWEST := 4.2 5.2
ready = $(if $(GIOCONDA_BPY),,$(patsubst %,.venv-bpy-%/.ready,$(1)))
joined = $(subst $(eval) ,$(SEPARATOR),$(strip $(1)))
in_blenders = GIOCONDA_BPY="$(or $(GIOCONDA_BPY),$(call joined,$(patsubst %,.venv-bpy-%,$(1))))"

.PHONY: help setup models demo check test blender golden mutations lint format fuzz chaos batches train-full bench bench-neural bench-fewshot contact-sheets measured gpu extension screenshots clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 16

setup: $(READY)  ## a virtual environment with Gioconda in it (EXTRA=gpu for NVIDIA cards)

$(READY): pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "Gioconda needs Python 3.11 or newer, with venv: install one, or say 'make setup PYTHON=/path/to/python3'." >&2; exit 1; fi
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PIP) install -e ".[$(EXTRA)]"
	@touch $@

$(TOOLS): $(READY)
	$(PIP) install -e ".[$(EXTRA),dev]"
	@touch $@

models: setup  ## MediaPipe's nets converted anew from its wheel, compared with those in onnx_models/ (needs the package index)
	$(PIP) install -e ".[$(EXTRA),convert]"
	$(PY) -m onnx_models.convert

demo: setup  ## animate a portrait: out/demo/####.exr, preview.mp4, contact_sheet.png
	$(PY) core demo

check: $(TOOLS) lint  ## the quick loop: lint, types, and the tests that need neither Blender nor more than a moment
	$(PY) -m pytest -m "not slow" -n 2 --dist loadfile tests/core tests/golden tests/gpu

test: $(TOOLS) lint $(call ready,$(OLDEST_AND_NEWEST))  ## everything that must hold: lint, types, tests (in the oldest and newest Blender too), a demo
	$(call in_blenders,$(OLDEST_AND_NEWEST)) $(PY) -m pytest
	$(PY) core demo --frames 1-40x13 --output out/test/####.exr --overwrite

golden: $(TOOLS)  ## renew the golden crops; each before, after and their difference: out/golden
	$(PY) -m tests.golden

mutations: $(TOOLS)  ## would the golden crops notice one constant of the engine changed? (five minutes)
	$(PY) -m tests.golden.mutations

blender: $(TOOLS) $(call ready,$(BLENDERS))  ## the add-on's tests in every supported Blender
	$(call in_blenders,$(BLENDERS)) $(PY) -m pytest tests/addon

lint: $(TOOLS)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(TOOLS)  ## let ruff put the source in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: $(TOOLS)  ## a million broken bytes for every reader of strangers' files (half an hour)
	$(PY) -X faulthandler -m pytest tests/core/test_fuzz.py -s --fuzz-bytes 1000000 --durations=0

chaos: $(TOOLS)  ## a batch of 600 frames during which everything goes wrong; nothing may be lost
	$(PY) -m tests.bench.chaos

batches: $(TOOLS)  ## a batch's speed against one process alone, and whether memory grows (needs ../shared)
	$(PY) -m tests.bench.batches

# Training the full model. DATA: a folder with clips, congress, voteview …; MINUTES: for each part, to go on another time.
DATA ?= ../shared/data/train
FULL ?= out/full
WORKERS ?= $(shell nproc 2>/dev/null || echo 4)

train-full: setup  ## pairs, all parts of the full model, ONNX files: out/full/ (an NVIDIA card; EXTRA=gpu; goes on where it stopped)
	$(PIP) install -e ".[$(EXTRA),train]"
	$(PY) core train pairs $(DATA) -o $(FULL)/pairs --quality full --workers $(WORKERS)
	$(PY) core train full $(FULL)/pairs -o $(FULL)/run $(if $(MINUTES),--minutes $(MINUTES))
	$(PY) core train export $(FULL)/run -o $(FULL)/onnx

bench: $(TOOLS)  ## quality and speed, measured (the clips need ../shared; BEFORE=CHECKOUT beside it)
	$(PY) -m tests.bench $(and $(BEFORE),--before "$(BEFORE)")

# What the neural targets take: networks that are not shipped yet (`gioconda train export`), a run of the paper's networks
# and an interpreter with PyTorch for it, where the pictures go.
NETWORKS ?=
PAPER ?=
TRAINING_PYTHON ?=
CONTACT ?= out/contact
# Another checkout, whose engine's pictures and figures stand beside.
BEFORE ?=
neural_words = $(and $(NETWORKS),--networks "$(NETWORKS)") $(and $(PAPER),--paper "$(PAPER)") \
	$(and $(TRAINING_PYTHON),--training-python "$(TRAINING_PYTHON)")

bench-neural: $(TOOLS)  ## the networks measured on all clips, beside geometry alone (needs ../shared)
	$(PY) -m tests.bench neural $(neural_words) $(and $(BEFORE),--before "$(BEFORE)")

bench-fewshot: $(TOOLS)  ## networks adapted to 1, 4 and 8 pictures of a person, measured (needs PyTorch, ../shared)
	$(or $(TRAINING_PYTHON),$(PY)) -m tests.bench.fewshot $(and $(NETWORKS),--networks "$(NETWORKS)")

contact-sheets: $(TOOLS)  ## all shared portraits in hard poses, geometry beside neural: out/contact (BEFORE=CHECKOUT beside them)
	$(PY) -m tests.bench.contact $(and $(NETWORKS),--networks "$(NETWORKS)") $(and $(BEFORE),--before "$(BEFORE)") \
		--out "$(CONTACT)"

measured: $(TOOLS)  ## the figures of the last `make bench-neural` into docs/measured.md
	$(PY) -m tests.bench.measured

gpu: $(TOOLS)  ## whole frames on a graphics card: the processor's pixels? how fast? (EXTRA=gpu; Error 7: there is none)
	$(PY) -m tests.gpu $(GPU)

extension: setup $(call ready,4.2)  ## dist/gioconda-VERSION-PLATFORM-pythonX.zip for Blender, wheels inside (about 0.15 GB each)
	$(call in_blenders,4.2) $(PY) addon/packaging/build.py

# The window's walk. Any portrait, any .blend that holds a rig with shape keys and a take; docs/artists.md shows these.
PORTRAIT ?= core/gioconda/cli/grace_hopper.jpg
RIG ?= ../shared/data/rigs/makehuman_head_arkit52_livelink328f.blend
BLENDER ?= blender

screenshots:  ## pictures of a real window, clicked through from installing to compositing: out/window/ (needs Xvfb)
	@missing=$$(for c in $(firstword $(BLENDER)) Xvfb xdotool import tesseract; do command -v $$c >/dev/null || echo -n " $$c"; done); \
	if [ -n "$$missing" ]; then echo "The walk needs$$missing on the PATH: tests/window/README.md says where from." >&2; exit 1; fi; \
	package=$$(ls -t dist/gioconda-*-linux*.zip 2>/dev/null | head -1); \
	if [ -z "$$package" ]; then echo "There is no dist/gioconda-*-linux*.zip: run 'make extension' first." >&2; exit 1; fi; \
	if [ ! -e "$(RIG)" ]; then echo "$(RIG) is not here: say RIG=/path/to/a.blend with a face that has shape keys." >&2; exit 1; fi; \
	python3 tests/window/walk.py "$$package" "$(PORTRAIT)" "$(RIG)" -o out/window --blender "$(BLENDER)"

.venv-bpy-%/.ready:
	@python=$$(for p in python$(BPY_PYTHON_$*) "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/$(BPY_PYTHON_$*).*/bin/python; do \
		"$$p" -c 'import venv' 2>/dev/null && echo "$$p" && break; done || true); \
	if [ -z "$$python" ]; then echo "Blender $* is left out: it needs Python $(BPY_PYTHON_$*), which is not here."; else \
		"$$python" -m venv $(@D) && $(@D)/$(SCRIPTS)/python -m pip --disable-pip-version-check --quiet install $(BPY_$*) && touch $@; fi

clean:  ## take out what was made: environments, results
	rm -rf $(VENV) .venv-bpy-* wheels out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
