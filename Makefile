# Every target only calls `python -m helpers ...`, which also works where there is no make: `python src/helpers help`.
CONDA := $(if $(filter base,$(CONDA_DEFAULT_ENV)),,$(CONDA_PREFIX))
PYTHON ?= $(if $(CONDA)$(filter Windows_NT,$(OS)),python,python3)
STAMP := $(subst $(subst ,, ),\ ,$(or $(CONDA),.venv))/ninefold.stamp
# Only what stands on the command line counts: many systems set the variable LANGUAGE for purposes of their own.
given = $(if $(filter command,$(firstword $(origin $1))),$(if $($1),$2 "$($1)"))

export PYTHONPATH := $(CURDIR)/src
unexport PROJECT AS_OF LANGUAGE ARGS FROM PEOPLE ROLE REMARK ON K METHOD CUSTOMER RUN BY LEAST REBUILD A B

.DEFAULT_GOAL := help
.PHONY: help setup new report report-each diff try lab sign card erase lists approve reevaluate test test-fast lint catalogue fait_maison

help:
	@$(PYTHON) -m helpers help

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -m helpers setup

new: $(STAMP)
	@$(PYTHON) -m helpers new $(call given,PROJECT,--project) $(call given,FROM,--from)

report: $(STAMP)
	@$(PYTHON) -m helpers report $(call given,PROJECT,--project) $(call given,AS_OF,--as-of) $(call given,LANGUAGE,--language)

report-each: $(STAMP)
	@$(PYTHON) -m helpers report-each $(call given,BY,--by) $(call given,PROJECT,--project) $(call given,AS_OF,--as-of) $(call given,LANGUAGE,--language) $(call given,LEAST,--least)

diff: $(STAMP)
	@$(PYTHON) -m helpers diff $(call given,PROJECT,--project) $(call given,A,--a) $(call given,B,--b) $(call given,LANGUAGE,--language)

try: $(STAMP)
	@$(PYTHON) -m helpers try $(call given,K,--segments) $(call given,PROJECT,--project) $(call given,METHOD,--method) $(call given,AS_OF,--as-of)

lab: $(STAMP)
	@$(PYTHON) -m helpers lab $(ARGS)

sign: $(STAMP)
	@$(PYTHON) -m helpers sign $(call given,PROJECT,--project) $(call given,ROLE,--role) $(call given,REMARK,--remark) $(call given,ON,--on)

card: $(STAMP)
	@$(PYTHON) -m helpers card $(call given,PROJECT,--project) $(call given,CUSTOMER,--customer) $(call given,LANGUAGE,--language) $(call given,AS_OF,--as-of)

erase: $(STAMP)
	@$(PYTHON) -m helpers erase $(call given,PROJECT,--project) $(call given,CUSTOMER,--customer) $(call given,REBUILD,--rebuild)

lists: $(STAMP)
	@$(PYTHON) -m helpers lists $(call given,PROJECT,--project) $(call given,AS_OF,--as-of) $(call given,LANGUAGE,--language)

approve: $(STAMP)
	@$(PYTHON) -m helpers approve $(call given,PROJECT,--project) $(call given,RUN,--run) $(call given,ROLE,--role) $(call given,ON,--on) $(call given,REMARK,--remark)

# make itself turns every status but 0 into 2: a scheduler that wants 10 (look) apart from 1 (failed) calls `python -m helpers reevaluate`.
reevaluate: $(STAMP)
	@$(PYTHON) -m helpers reevaluate $(call given,PROJECT,--project) $(call given,AS_OF,--as-of) $(call given,LANGUAGE,--language)

test: $(STAMP)
	@$(PYTHON) -m helpers test $(ARGS)

test-fast: $(STAMP)
	@$(PYTHON) -m helpers test --fast $(ARGS)

lint: $(STAMP)
	@$(PYTHON) -m helpers lint $(ARGS)

catalogue: $(STAMP)
	@$(PYTHON) -m helpers catalogue

fait_maison: $(STAMP)
	@$(PYTHON) -m helpers fait_maison $(call given,PEOPLE,--people)
