# The two commands are `make report` and `make test`; `make help` lists all.
CORES ?= 4
PYTHON_RUN = .venv/bin/python
MODEL ?= convnet
SEED ?= 0
OUT ?= predictions
CONFIGURATION ?= config
DIRECTORY ?= .
# A name may hold what make and the shell take for their own ($, quotes): it goes to the command as it is, by the environment.
override IMAGES := $(value IMAGES)
export IMAGES
INPUTS ?= 10000
KILLS ?= 100

# A profile of the user's own plays no part here; with `snakemake` itself it does.
unexport SNAKEMAKE_PROFILE

# Packages of pyproject.toml beside those of the lock, in versions that fit it.
define add_extra
@$(PYTHON_RUN) -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*project["optional-dependencies"]["$(1)"], sep="\n")' > .venv/$(1).txt
@$(PYTHON_RUN) -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --requirement .venv/$(1).txt
endef

.PHONY: help report snakemake-report predict export test fuzz kills verify publish check format docs bench cluster-env export-env slurm-up slurm-down environment lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

report: environment ## bring results/report.html up to date (CORES=4)
	@start=$$(date +%s); \
	$(PYTHON_RUN) -m snakemake --cores $(CORES) && seconds=$$(( $$(date +%s) - start )) && \
	echo "The report is results/report.html ($$(( seconds / 60 )) min $$(( seconds % 60 )) s)."

snakemake-report: report ## write Snakemake's own report: figures and tables, rules and times
	@$(PYTHON_RUN) -m snakemake --report results/snakemake-report.html --quiet && \
	echo "Snakemake's own report is results/snakemake-report.html."

predict: environment ## classify image files of your own: IMAGES="my/*.png" (MODEL=convnet SEED=0 DIRECTORY=. OUT=predictions UNSURE_BELOW= SEVERAL= AS_IS=)
	@[ -n "$$IMAGES" ] || { echo 'error: IMAGES: name image files, such as make predict IMAGES="my/*.png"' >&2; exit 1; }
	@run="$(DIRECTORY)/results/runs/$(MODEL)/seed-$(SEED)"; \
	PYTHONPATH=workflow $(PYTHON_RUN) -m digits.predict --weights "$$run/weights.safetensors" --validation "$$run/validation.safetensors" \
		--datasheet "$(DIRECTORY)/results/tensors/datasheet.json" \
		--patterns="$$IMAGES" --table "$(OUT).csv" --page "$(OUT).html" \
		$(if $(AS_IS),--as-is) $(if $(SEVERAL),--several) $(if $(UNSURE_BELOW),--unsure-below=$(UNSURE_BELOW)) && \
	echo "The probabilities are in $(OUT).csv, and $(OUT).html shows them."

export: OUT = export
export: environment ## take a network with you: OUT/model.onnx and its model card (MODEL=convnet SEED=0 DIRECTORY=. OUT=export)
	@run="$(DIRECTORY)/results/runs/$(MODEL)/seed-$(SEED)"; \
	PYTHONPATH=workflow $(PYTHON_RUN) -m digits.export_onnx --weights "$$run/weights.safetensors" --metrics "$$run/metrics.json" \
		--predictions "$$run/predictions.safetensors" --images "$(DIRECTORY)/results/tensors/test.safetensors" \
		--datasheet "$(DIRECTORY)/results/tensors/datasheet.json" --citation CITATION.cff --model "$(OUT)/model.onnx" --card "$(OUT)/README.md" && \
	echo "The network is $(OUT)/model.onnx, and $(OUT)/README.md says what it is and how to run it."

test: environment ## run the tests on all cores, and those on a SLURM cluster if possible
	@$(PYTHON_RUN) -m pytest --numprocesses auto
	@$(PYTHON_RUN) -m pytest tests/cluster

fuzz: environment ## ten thousand mutated inputs over all readers (INPUTS=10000)
	@DIGITS_FUZZ=$(INPUTS) $(PYTHON_RUN) -m pytest tests/fuzz -q -s

kills: environment ## kill a small run at random moments, a hundred times, and let it end each time (KILLS=100)
	@DIGITS_KILLS=$(KILLS) $(PYTHON_RUN) -m pytest --numprocesses auto tests/workflow/test_recovery.py -k kills

verify: environment ## compare results with the published checksums, then check them (CONFIGURATION=config DIRECTORY=.)
	@PYTHONPATH=workflow $(PYTHON_RUN) tools/published.py check --configuration $(CONFIGURATION) --directory $(DIRECTORY)
	@[ $(CONFIGURATION) != config ] || $(PYTHON_RUN) -m pytest tests/results

publish: environment ## write the checksums of results that verify compares with (CONFIGURATION=config DIRECTORY=.)
	@PYTHONPATH=workflow $(PYTHON_RUN) tools/published.py write --configuration $(CONFIGURATION) --directory $(DIRECTORY)

check: environment ## run the linters and the type checker
	@$(PYTHON_RUN) -m ruff check && $(PYTHON_RUN) -m ruff format --check
	@$(PYTHON_RUN) -m snakefmt --check Snakefile workflow/rules
	@$(PYTHON_RUN) -m mypy

format: environment ## format all files
	@$(PYTHON_RUN) -m ruff check --fix --exit-zero --quiet; $(PYTHON_RUN) -m ruff format
	@$(PYTHON_RUN) -m snakefmt Snakefile workflow/rules

docs: environment ## write the table of config/README.md from the schema
	@PYTHONPATH=workflow $(PYTHON_RUN) tools/docs.py

bench: environment ## time it against others, and write docs/benchmarks.md
	@PYTHONPATH=workflow $(PYTHON_RUN) tools/bench.py

cluster-env: environment ## add to .venv what the cluster profiles need
	$(call add_extra,cluster)

export-env: environment ## add to .venv what make export needs
	$(call add_extra,export)

slurm-up: ## start a SLURM cluster of two nodes on this machine, as root, to try profiles/slurm
	@tools/slurm.sh up

slurm-down: ## stop it
	@tools/slurm.sh down

environment: ## make .venv from requirements.lock, if it is not there yet
	@tools/venv.sh

lock: ## update requirements.lock from pyproject.toml (needs uv)
	@uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --fork-strategy fewest \
		--custom-compile-command "make lock" --upgrade --quiet --output-file requirements.lock
