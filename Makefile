# Every target makes the environment it needs.
# PYTHON  a Python 3.11 to 3.13, for the first time only
# TORCH   which build of PyTorch, for the first time only: cpu, pypi, or auto, the CPU build where there is no NVIDIA GPU
# SUITE   which suite `ship` copies
# REPOSITORY  OWNER/NAME on GitHub, for the links of `site` to Colab and Binder
PYTHON ?= python3
TORCH ?= auto
SUITE ?= quick
BIN := .venv/bin
READY := .venv/.ready
# The folder of programs that this .venv was made with; another one if clone or .venv were moved or copied.
MADE_IN := $(shell sed -nE "1s|^\#!(/.*)/python[^/]*$$|\1|p; 2s|^'''exec' \"?(/.*)/python[^/]*$$|\1|p" $(BIN)/pip 2>/dev/null)
ifneq ($(MADE_IN),)
ifneq ($(shell [ "$(MADE_IN)" -ef $(BIN) ] && echo same),same)
$(warning .venv was made in $(MADE_IN): its jupyter, papermill and pip work there. Remove .venv, and make makes one for this clone)
endif
endif

.PHONY: help demo test test-long test-slurm lab figures ship site gpu lint

demo: $(READY)            ## train small nets of all five systems from video files, draw their trade-off
	$(BIN)/python -m bench run quick

help:                     ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 18

test: $(READY)            ## all tests that need neither a GPU nor a network
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-long: $(READY)       ## those that take minutes: kill and go on, fuzzers; those of data in two orders of sets
	$(BIN)/python -m pytest -m long
	PYTHONHASHSEED=1 $(BIN)/python -m pytest tests/data_prep tests/lib/data
	PYTHONHASHSEED=2 $(BIN)/python -m pytest tests/data_prep tests/lib/data

test-slurm: $(READY)      ## a suite on a Slurm that answers here, with kills: some minutes
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[slurm]"
	$(BIN)/python -m pytest -m slurm -s

lab: $(READY)             ## JupyterLab, in the notebooks
	PYTHONPATH="$(CURDIR)" $(BIN)/python -m jupyter lab --notebook-dir=notebooks

figures: $(READY)         ## every figure again, from the tables alone
	$(BIN)/python -m bench figures

ship: $(READY)            ## a suite's tables and figures into results/shipped: make ship SUITE=quick
	$(BIN)/python -m bench ship $(SUITE)

site: $(READY)            ## the executed course, tables and figures as static pages, in results/site
	$(BIN)/python -m bench site $(if $(REPOSITORY),--repository $(REPOSITORY))

gpu: $(READY)             ## tests, timings and a training on this machine's GPU; without pip: python3 -m bench gpu
	$(BIN)/python -m bench gpu --budget-minutes 8

lint: $(READY)            ## ruff, as CI runs it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python bench/runner/torch_build.py $(TORCH)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(READY)
