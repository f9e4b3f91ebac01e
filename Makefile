# Everything sets itself up: git, make and Python 3.11 or newer is all a machine needs.
PYTHON  ?= python3
TEACHER ?= extractive
PAIRS   ?= 150
OUT     ?= out/handbook.jsonl
PEERS   ?= data-designer bespokelabs-curator distilabel synthetic-data-kit
UV      := .tools/bin/uv
BIN     := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
# Hundreds of short-lived interpreters run in a test or a demo: none should have to compile the sources again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: bench-training bench-batch bench-salvage bench-cost bench-synthetic demo test lint up test-slow test-deploy test-runtime test-training training-requirements bench-engine bench-grounding bench-verdicts bench-parsing bench-extractive bench-duplicates bench-repeats bench-pairs bench-export bench-quality bench-coldstart bench-slots bench-faults handbook sync-client checks-page synth requirements clean

demo: .venv/.ready-demo ## the main job on examples/handbook: documents in, a dataset out
	$(BIN)/dataforge run examples/handbook --pairs $(PAIRS) --teacher $(TEACHER) --out $(OUT) --home .dataforge/demo

# Three workers on two cores: a good part of the suite waits for servers and state machines. Files in the order of their
# names, so that the whole programs of tests/e2e come first and no worker waits for one of them at the end.
test: lint ## everything but the slow suites
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not slow and not deploy"

test-slow: .venv/.ready-all ## the suites that need minutes: real bundling, long crash runs, jobs of a hundred questions, `datasets`
	$(UV) sync --frozen --quiet --python $(PYTHON) --all-extras --group loading
	$(BIN)/pytest -m slow

test-deploy: .venv/.ready-all .tools/emulator/.ready ## the real templates, deployed to an emulator on loopback, and the main job there
	$(BIN)/pytest -m deploy tests/deploy

# The training program has its own environment (1.3 GB): nothing of it is imported by the product.
test-training: .tools/training/.ready .venv/.ready-demo ## every training strategy on tiny models, really trained; documents to a model that answers
	OMP_NUM_THREADS=1 .tools/training/bin/python -m pytest -c tests/training/pytest.ini --confcutdir=tests/training -n 2 --dist loadfile tests/training

test-runtime: .venv/.ready-all ## a smoke suite on the Python of the Lambda functions: an installed one, or that of a Debian in a folder
	$(BIN)/python -m tests.runtime

lint: .venv/.ready-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

up: .venv/.ready-demo ## the whole product on this machine
	$(BIN)/dataforge up --home .dataforge/local

bench-engine: .venv/.ready-all $(PEERS:%=.tools/peers/%/.ready) ## how much of a teacher's time a run uses, beside other tools (PEERS= for ours alone)
	$(BIN)/python -m benchmarks.engine --peers $(PEERS) $(ARGS)

bench-slots: .venv/.ready-all ## what the engine itself takes: slots per second and peak memory at 10,000 and 100,000
	$(BIN)/python -m benchmarks.slots

bench-batch: .venv/.ready-all ## what batch mode itself takes at 5,000 and 50,000 questions: states, peak memory
	$(BIN)/python -m benchmarks.batch_jobs

bench-faults: .venv/.ready-all $(PEERS:%=.tools/peers/%/.ready) ## a run on a bad day, killed in the middle, beside other tools; two under one rate limit, one with a budget
	$(BIN)/python -m benchmarks.faults --peers $(PEERS)

bench-grounding: .venv/.ready-all ## how well grounding separates supported answers from wrong ones
	$(BIN)/python -m benchmarks.grounding

bench-verdicts: .venv/.ready-all ## the verdicts of the checks on labelled records, by kind and language (DATA=file)
	$(BIN)/python -m benchmarks.verdicts $(if $(DATA),--data $(DATA)) $(ARGS)
	$(BIN)/python -m benchmarks.verdicts_with_verifier $(if $(DATA),--data $(DATA))

bench-parsing: .venv/.ready-all ## pages per second, by format (CORPUS=folder)
	$(BIN)/python -m benchmarks.parsing $(CORPUS)

bench-extractive: .venv/.ready-all ## what the offline teacher makes of documents, by kind (CORPUS=folder)
	$(BIN)/python -m benchmarks.extractive $(or $(CORPUS),examples/handbook)

bench-repeats: .venv/.ready-all ## repeats and contradictions between labelled records, by kind and language (DATA=file)
	$(BIN)/python -m benchmarks.repeats $(DATA:%=--data %)

bench-duplicates: .venv/.ready-all .tools/peers/datasketch/.ready ## exact near-duplicate search beside datasketch (DATA= a real set, ARGS=--million)
	$(BIN)/python -m benchmarks.duplicates $(DATA:%=--data %) $(ARGS)

bench-pairs: .venv/.ready-all ## review of 100,000 pairs: requests, bytes, milliseconds and dollars, both backends
	$(BIN)/python -m benchmarks.pairs

bench-coldstart: .venv/.ready-all ## CPU of a cold start, function by function, and its heaviest imports
	$(BIN)/python -m benchmarks.coldstart

bench-cost: .venv/.ready-all ## what the main job costs on AWS without the teacher: requests, units, dollars (WRITE=--write keeps them)
	$(BIN)/python -m benchmarks.cost $(WRITE)

bench-quality: .venv/.ready-all ## every check and the search for repeats over 100,000 records: records per second, peak memory
	$(BIN)/python -m benchmarks.quality_stage
	$(BIN)/python -m benchmarks.quality_stage --without-sources

bench-export: .venv/.ready-all ## export of 10,000 and 100,000 pairs: records per second, peak memory
	$(BIN)/python -m benchmarks.exporting

bench-salvage: .venv/.ready-all .tools/peers/json_repair ## what of damaged replies is read again, beside json-repair
	PYTHONPATH=.tools/peers $(BIN)/python -m benchmarks.salvage

bench-training: .tools/training/.ready ## tokens a second and MFU of training beside the plain transformers Trainer; small shapes without a GPU
	PYTHONPATH=training_images:. .tools/training/bin/python -m benchmarks.training $(ARGS)

bench-value: .tools/training/.ready .venv/.ready-all ## are the checks worth their price: a small model trained on everything, on what they keep, on the good pairs
	$(BIN)/python -m benchmarks.value $(ARGS)

.tools/peers/json_repair: benchmarks/peers/json-repair.txt | .venv/.ready-all
	$(UV) pip install --quiet --python $(BIN)/python --target .tools/peers --require-hashes --requirements $<
	@touch $@

bench-synthetic: .venv/.ready-all ## synthetic jobs of 10,000 and 50,000 records, a quarter of them bad: records per second, CPU and peak memory by state
	$(BIN)/python -m benchmarks.synthetic

sync-client: .venv/.ready-all ## the synchronous Python client, from the asynchronous one
	$(BIN)/python client/generate_sync.py

checks-page: .venv/.ready-all ## the table of docs/checks.md, from the checks
	$(BIN)/python -m benchmarks.checks_page

handbook: .venv/.ready-all ## write the example documents again
	$(BIN)/python examples/make_handbook.py

synth: .venv/.ready-all ## the CloudFormation templates and Lambda archives, into cdk.out
	$(BIN)/python -m dataforge_infra.app

training-requirements: | $(UV) ## the pins of the training images
	sh training_images/resolve.sh "$(CURDIR)/$(UV)"

requirements: .venv/.ready-all ## the layers' requirements, from the lock
	$(BIN)/python -m dataforge_infra.requirements

$(UV): uv.txt
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes --requirement $<
	@touch $@

# --inexact: the demo's smaller set must not take away what the tests installed.
.venv/.ready-demo: uv.lock pyproject.toml | $(UV)
	$(UV) sync --frozen --quiet --python $(PYTHON) --inexact --no-default-groups --extra machine
	@touch $@

.venv/.ready-all: uv.lock pyproject.toml | $(UV)
	$(UV) sync --frozen --quiet --python $(PYTHON) --all-extras
	@touch $@ .venv/.ready-demo

# An environment of its own: see the file that it is made from.
.tools/emulator/.ready: tests/support/emulator.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .tools/emulator
	$(UV) pip install --quiet --python .tools/emulator/bin/python --require-hashes --requirements $<
	@touch $@

# torch is not in the hashed file: its build depends on the machine. Where a folder of wheels is given, it is taken there.
.tools/training/.ready: training_images/huggingface/torch.txt training_images/huggingface/requirements.txt tests/training/requirements.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .tools/training
	UV_FIND_LINKS="$$PIP_FIND_LINKS" $(UV) pip install --quiet --python .tools/training/bin/python $(^:%=--requirements %)
	@touch $@

# Other tools, for benchmarks only, each in an environment of its own (0.4 to 0.6 GB).
.tools/peers/%/.ready: benchmarks/peers/%.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .tools/peers/$*
	$(UV) pip install --quiet --python .tools/peers/$*/bin/python --require-hashes --requirements $<
	@touch $@

clean:
	rm -rf .venv .tools .dataforge out cdk.out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
