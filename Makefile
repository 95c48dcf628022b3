# The user interface: `make` alone explains it. Behind each target stands `python -m datagen|validators|axolotl_configs`.
.DEFAULT_GOAL := help
.PHONY: help setup dataset lint check prove masks preview report diff probe configs preflight doctor rehearse train look \
  test bench clean
.DELETE_ON_ERROR:

PACK   ?= unimed_natal
ROWS   ?= 12000
SEED   ?= 7
OUT    ?= data/$(PACK)
DATA   ?=
PROFILE ?=
TOKENIZER ?=
CONFIG ?=
RANK   ?=
ALPHA  ?=
ADAPTER ?=
RESUME ?=
MODEL  ?=
GPU    ?=
METHOD ?=
SEQ    ?=
CARDS  ?=
PRICE  ?=
KEEP   ?=
FORCE  ?=
STEPS  ?=
CATEGORY ?=
FLOW   ?=
A      ?=
B      ?= $(OUT)
N      ?= 3
PYTHON ?= python3

export AXOLOTL_DO_NOT_TRACK := 1
export DO_NOT_TRACK := 1

LIGHT  := .venv/bin/python
TRAIN  := .venv-train/bin/python
SPLITS  = "$(OUT)/train.jsonl" "$(OUT)/eval.jsonl" "$(OUT)/test.jsonl" "$(OUT)/test_unseen.jsonl"
# What may be claimed is the pack's for its own dataset; a stranger's file has facts of its own.
KNOWN   = $(if $(DATA),,--pack "templates/$(PACK)")
MASTER := axolotl_configs/qwen2.5-32b_qlora_a100-80gb.yaml
NUMBERS = $(if $(RANK),--rank "$(RANK)") $(if $(ALPHA),--alpha "$(ALPHA)")

help: ## this page
	@echo "make dataset && make train: from templates to an adapter. Targets:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo "Variables (now): PACK=$(PACK) ROWS=$(ROWS) SEED=$(SEED) OUT=$(OUT) CONFIG=$(CONFIG) ADAPTER=$(ADAPTER) RANK=$(RANK) ALPHA=$(ALPHA)"
	@echo "  MODEL= GPU= METHOD= SEQ= for configs   PRICE= per hour and CARDS= for preflight, rehearse, train   KEEP= a second home for checkpoints   FORCE=1"
	@echo "  DATA= file(s) for check, masks   PROFILE= rendered, imported, played, foreign   CATEGORY= or FLOW=, N= for preview   RESUME=no to train anew   PYTHON= interpreter for new environments"

setup: .venv/.light .venv/.dev .venv-train/.ready ## make both environments now (the trainer's is large)

dataset: .venv/.light ## render PACK into OUT: ROWS conversations, judged, train/eval/test (does nothing if up to date)
	@$(LIGHT) -m datagen render --pack "$(PACK)" --rows "$(ROWS)" --seed "$(SEED)" --out "$(OUT)"

lint: .venv/.light ## prove the templates of PACK sound without rendering them
	@$(LIGHT) -m datagen lint --pack "$(PACK)"

check: .venv/.light ## judge DATA=file.jsonl (default: the dataset in OUT) and print every finding
	@$(LIGHT) -m validators check $(if $(PROFILE),--profile "$(PROFILE)") $(KNOWN) $(or $(DATA),$(SPLITS)) \
	  $(if $(DATA),,--verdict)

prove: .venv/.light dataset ## damage clean rows in every way of the catalogue: is each found? how many false alarms?
	@$(LIGHT) -m validators prove $(SPLITS) --pack "templates/$(PACK)" --hand tests/cases/written_by_hand.jsonl

masks: .venv-train/.ready ## show which words CONFIG trains in DATA (default: eval), one row in colour; TOKENIZER= a folder
	@$(TRAIN) -m validators masks "$(or $(CONFIG),$(MASTER))" "$(or $(DATA),$(OUT)/eval.jsonl)" \
	  $(if $(TOKENIZER),--tokenizer "$(TOKENIZER)")

preview: .venv/.light ## show N conversations of CATEGORY or FLOW with their plan, without writing anything
	@$(LIGHT) -m datagen preview --pack "$(PACK)" --seed "$(SEED)" --n "$(N)" $(if $(CATEGORY),--category "$(CATEGORY)") \
	  $(if $(FLOW),--flow "$(FLOW)")

report: .venv/.light ## measure the dataset in OUT: figures against gates and goals, heat-map of templates, dataset card
	@$(LIGHT) -m datagen report --out "$(OUT)"

diff: .venv/.light ## compare the datasets in the folders A= and B= (default: OUT), as after an edit of the templates
	@$(LIGHT) -m datagen diff "$(A)" "$(B)"

probe: .venv/.dev ## which act comes next? what a plain classifier cannot learn from OUT, or asked ON=file.jsonl
	@$(LIGHT) -m datagen probe --pack "$(PACK)" --out "$(OUT)" $(if $(ON),--on "$(ON)")

configs: .venv/.light ## write the presets' configs, or one for MODEL= GPU= METHOD=; your edits are kept (FORCE=1 overwrites)
	@$(LIGHT) -m axolotl_configs build $(if $(FORCE),--force) $(if $(MODEL),--model "$(MODEL)") $(if $(GPU),--gpu "$(GPU)") \
	  $(if $(METHOD),--method "$(METHOD)") $(NUMBERS) $(if $(SEQ),--seq "$(SEQ)") $(if $(CARDS),--cards "$(CARDS)")

preflight: .venv/.light ## judge CONFIG (default: the 32B one) and its data before a GPU is rented: mistakes, memory, hours, PRICE=
	@$(LIGHT) -m axolotl_configs preflight "$(or $(CONFIG),$(MASTER))" --data "$(OUT)" $(NUMBERS) $(if $(GPU),--gpu "$(GPU)") \
	  $(if $(CARDS),--cards "$(CARDS)") $(if $(PRICE),--price "$(PRICE)")

doctor: .venv/.light ## see whether this machine can train (CONFIG): driver, card, torch, disk, hub, attention kernel
	@$(if $(wildcard .venv-train/.ready),$(TRAIN),$(LIGHT)) -m axolotl_configs doctor $(if $(CONFIG),"$(CONFIG)")

rehearse: .venv-train/.ready dataset ## measure memory, speed and cost of CONFIG here, with random weights and no download
	@$(TRAIN) -m axolotl_configs rehearse $(if $(CONFIG),"$(CONFIG)") --data "$(OUT)" $(NUMBERS) \
	  $(if $(CARDS),--cards "$(CARDS)") $(if $(STEPS),--steps "$(STEPS)") $(if $(PRICE),--price "$(PRICE)")

train: .venv-train/.ready dataset ## train a LoRA adapter with CONFIG (default: what fits this machine), RANK=, ALPHA=, KEEP=
	@$(TRAIN) -m axolotl_configs train --data "$(OUT)" $(if $(CONFIG),--config "$(CONFIG)") $(NUMBERS) \
	  $(if $(RESUME),--resume "$(RESUME)") $(if $(CARDS),--cards "$(CARDS)") $(if $(PRICE),--price "$(PRICE)") \
	  $(if $(KEEP),--keep "$(KEEP)") $(if $(FORCE),--force)

look: .venv-train/.ready ## let ADAPTER=outputs/<run> answer some thirty first turns again
	@$(TRAIN) -m axolotl_configs look "$(ADAPTER)"

test: .venv/.dev .venv-train/.ready ## all tests, the end-to-end run of Axolotl on the CPU included
	@REQUIRE_TRAINER=1 TRAIN_PYTHON=$(TRAIN) $(LIGHT) -m pytest

bench: .venv/.dev ## measure rows per second and peak memory of rendering and judging
	@$(LIGHT) -m tests.bench --pack "$(PACK)" --rows "$(ROWS)"
	@if [ -f "$(OUT)/train.jsonl" ]; then $(LIGHT) -m tests.bench.judge $(SPLITS); fi

clean: ## delete the dataset in OUT and build/; environments (.venv*) and trained adapters (outputs/) stay
	@if [ -L "$(OUT)" ] && [ -f "$(OUT)/manifest.json" ]; then rm -rf "$$(readlink -f "$(OUT)")" "$(OUT)"; fi
	@rm -rf build
	@echo "deleted $(OUT) and build/; kept .venv* and outputs/ (delete them yourself if you mean it)"

# ---- environments: built once, again when pyproject.toml or their lock changes ----

PIP := -m pip install --quiet --disable-pip-version-check

.venv/.light: pyproject.toml constraints.txt
	@echo "making .venv (light: no torch) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(LIGHT) $(PIP) --constraint constraints.txt --editable .
	@touch $@

.venv/.dev: .venv/.light
	@$(LIGHT) $(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@

# A machine without NVIDIA driver gets the CPU build of torch from PyTorch's own index. DeepSpeed is built against the
# installed torch, so it comes last and without isolation.
.venv-train/.ready: pyproject.toml constraints-train.txt
	@echo "making .venv-train (Axolotl; some minutes and gigabytes) ..."
	@$(PYTHON) -m venv .venv-train
	@if nvidia-smi -L >/dev/null 2>&1; then \
	   $(TRAIN) $(PIP) --constraint constraints-train.txt torch; \
	 else \
	   $(TRAIN) $(PIP) --no-deps --extra-index-url https://download.pytorch.org/whl/cpu 'torch==2.13.0+cpu'; \
	 fi
	@$(TRAIN) $(PIP) --constraint constraints-train.txt --editable '.[train]' setuptools wheel ninja packaging
	@$(TRAIN) $(PIP) --constraint constraints-train.txt --no-build-isolation 'deepspeed>=0.18.6,<0.19'
	@touch $@
