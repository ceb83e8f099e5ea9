# Every target only calls `python -m helpers ...`, which also works where there is no make: `python src/helpers help`.
CONDA := $(if $(filter base,$(CONDA_DEFAULT_ENV)),,$(CONDA_PREFIX))
PYTHON ?= $(if $(CONDA)$(filter Windows_NT,$(OS)),python,python3)
STAMP := $(subst $(subst ,, ),\ ,$(or $(CONDA),.venv))/ninefold.stamp
# Only what stands on the command line counts: many systems set the variable LANGUAGE for purposes of their own.
given = $(if $(filter command,$(firstword $(origin $1))),$(if $($1),$2 "$($1)"))

export PYTHONPATH := $(CURDIR)/src
unexport PROJECT AS_OF LANGUAGE ARGS

.DEFAULT_GOAL := help
.PHONY: help setup report lab test test-fast lint catalogue

help:
	@$(PYTHON) -m helpers help

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -m helpers setup

report: $(STAMP)
	@$(PYTHON) -m helpers report $(call given,PROJECT,--project) $(call given,AS_OF,--as-of) $(call given,LANGUAGE,--language)

lab: $(STAMP)
	@$(PYTHON) -m helpers lab $(ARGS)

test: $(STAMP)
	@$(PYTHON) -m helpers test $(ARGS)

test-fast: $(STAMP)
	@$(PYTHON) -m helpers test --fast $(ARGS)

lint: $(STAMP)
	@$(PYTHON) -m helpers lint $(ARGS)

catalogue: $(STAMP)
	@$(PYTHON) -m helpers catalogue
