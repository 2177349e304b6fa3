# The commands of the README. Each makes the environment that it needs, once.
PYTHON ?= python3
PYTHON_OLDEST ?= python3.11
TORCH ?= torch==2.13.0
# The worker processes of the tests: `make test WORKERS=1` where memory is short (1 GB each).
WORKERS ?= auto
PYTEST_ARGS ?=
PYTEST = -m pytest -m 'not slow' -n $(WORKERS) --maxprocesses 8 --dist worksteal
JOBS ?= 1
MINUTES ?= 30
BACKEND ?= tensorflow
VENV = $(if $(filter tensorflow,$(BACKEND)),.venv,.venv-$(BACKEND))

.PHONY: demo test test-colab dist test-jax test-torch test-oldest test-all test-all-jax test-all-torch lint bench-dashboard bench-overhead bench-account bench-short-runs bench-scale bench-gpu bench-repeatability bench-search screenshots bench-layers bench-lr bench-lsuv bench-recalibrate bench-headroom bench-diagnosis bench-remedies bench-foreign bench-mutation soak docs docs-fast docs-links docs-pages messages pictures clean

demo: .venv/.demo
	.venv/bin/python examples/quickstart.py

test: .venv/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python $(PYTEST) $(PYTEST_ARGS)

test-jax: .venv-jax/.dev
	KERAS_BACKEND=jax .venv-jax/bin/python $(PYTEST) $(PYTEST_ARGS)

test-torch: .venv-torch/.dev
	KERAS_BACKEND=torch .venv-torch/bin/python $(PYTEST) $(PYTEST_ARGS)

# A part of the suite on the oldest supported versions, the floors in setup.cfg.
OLDEST = tests/rules tests/backends tests/sinks tests/schedule tests/samples tests/test_history.py \
	tests/callbacks/test_fit.py tests/checks/test_one_batch.py tests/layers/test_maxout.py
test-oldest: .venv-oldest/.dev
	KERAS_BACKEND=tensorflow .venv-oldest/bin/python $(PYTEST) $(PYTEST_ARGS) $(OLDEST)

# With the tests that take minutes: half an hour to an hour each.
test-all: .venv/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python -m pytest $(PYTEST_ARGS)

test-all-jax: .venv-jax/.dev
	KERAS_BACKEND=jax .venv-jax/bin/python -m pytest $(PYTEST_ARGS)

test-all-torch: .venv-torch/.dev
	KERAS_BACKEND=torch .venv-torch/bin/python -m pytest $(PYTEST_ARGS)

# Sweeps and trainings for real, on JAX, which compiles a whole training; some minutes.
# ROWS="--nets mlp cnn --seeds 0 1" for a part.
bench-lr: .venv-jax/.dev
	KERAS_BACKEND=jax .venv-jax/bin/python -m benchmarks.lr_range run $(ROWS)
	KERAS_BACKEND=jax .venv-jax/bin/python -m benchmarks.lr_range table --write

# Trains what is not kept yet in benchmarks/headroom.jsonl; ROWS="--networks mlp/sgd" for a part.
bench-headroom: .venv-torch/.dev
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.headroom run $(ROWS)
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.headroom docs

# Whether `lsuv` damages a network of 38, on each backend; trains eleven with and without on PyTorch.
bench-lsuv: .venv/.dev .venv-jax/.dev .venv-torch/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python -m benchmarks.lsuv run $(ROWS)
	KERAS_BACKEND=jax .venv-jax/bin/python -m benchmarks.lsuv run $(ROWS)
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.lsuv run $(ROWS)
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.lsuv train
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.lsuv table --write

# The largest memory of `recalibrate` beside that of `predict`, on each backend.
bench-recalibrate: .venv/.dev .venv-jax/.dev .venv-torch/.dev
	.venv-torch/bin/python -m benchmarks.recalibration --write $(ROWS)

bench-layers: .venv/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python benchmarks/layers.py

# Trains what is not recorded yet in .diagnosis/, then judges all of it.
bench-diagnosis: .venv/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python benchmarks/diagnosis record --jobs $(JOBS)
	KERAS_BACKEND=tensorflow .venv/bin/python benchmarks/diagnosis judge --write

# Carries out remedies on faulty programs that have no result yet, and tries them; hours for all.
# ROWS="--programs 10" for a part, drawn by hash.
bench-remedies: .venv-torch/.dev
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.remedies first $(ROWS)
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.remedies tried --healthy 10 $(ROWS)
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.remedies bases
	.venv-torch/bin/python -m benchmarks.remedies table --write

# Watches what is not recorded yet in .foreign/, then judges all of it. Hours on a small machine.
bench-foreign: .venv/.dev .venv-jax/.dev .venv-torch/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python benchmarks/foreign watch
	KERAS_BACKEND=torch .venv-torch/bin/python benchmarks/foreign watch
	KERAS_BACKEND=jax .venv-jax/bin/python benchmarks/foreign watch --every 1 --seconds 3600
	.venv/bin/python benchmarks/foreign table --write

# A thousand fits in one process, the faults once, and random models and histories for MINUTES
# minutes in all; BACKEND=torch or jax for another one.
soak: $(VENV)/.dev
	KERAS_BACKEND=$(BACKEND) $(VENV)/bin/python benchmarks/soak.py --minutes $(MINUTES)

# On PyTorch, which has nothing to compile: the many small models train several times as fast. About
# a day for all of it; it goes on where it ended. ROWS="--seeds 0 1 --problems text" for a part.
bench-search: .venv-torch/.dev
	.venv-torch/bin/pip install --quiet -e '.[bench]'
	KERAS_BACKEND=torch .venv-torch/bin/python benchmarks/search.py run $(ROWS)
	KERAS_BACKEND=torch .venv-torch/bin/python benchmarks/search.py table $(ROWS)

# About two hours for all of it; ROWS="--rows mlp --backends jax" for a part, --peers for the peers.
bench-overhead: .venv/.dev .venv-jax/.dev .venv-torch/.dev
	.venv/bin/python -m benchmarks.overhead run $(ROWS)
	.venv/bin/python -m benchmarks.overhead run --peers $(ROWS)
	.venv/bin/python -m benchmarks.overhead table --write

# Whether the account that the sitter gives of itself is honest; on each backend.
bench-short-runs: .venv/.dev .venv-jax/.dev .venv-torch/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python -m benchmarks.short_runs $(ROWS)
	KERAS_BACKEND=jax .venv-jax/bin/python -m benchmarks.short_runs $(ROWS)
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.short_runs $(ROWS)

bench-account: .venv/.dev .venv-jax/.dev .venv-torch/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python -m benchmarks.account $(ROWS)
	KERAS_BACKEND=jax .venv-jax/bin/python -m benchmarks.account $(ROWS)
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.account --write $(ROWS)

# What the rows of the rules' table would notice: mutants of ten rules, in about a minute.
bench-mutation: .venv-torch/.dev
	.venv-torch/bin/pip install --quiet -e '.[bench]'
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.mutation $(ROWS)

# Whether a busy machine changes the findings. Hours for all of it; for a part:
# ROWS="--backends torch --programs 10 --busy 0 4 --repeats 2".
bench-repeatability: .venv/.dev .venv-jax/.dev .venv-torch/.dev
	.venv/bin/python -m benchmarks.repeatability run $(ROWS)

# On a machine with a GPU, with the environments or the Python that are there: it installs nothing.
# At most eight minutes; ROWS="--small" tests the script itself on a CPU.
bench-gpu:
	$(PYTHON) -m benchmarks.gpu $(ROWS)

bench-scale: .venv/.dev .venv-jax/.dev .venv-torch/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python -m benchmarks.scale run
	KERAS_BACKEND=jax .venv-jax/bin/python -m benchmarks.scale run
	KERAS_BACKEND=torch .venv-torch/bin/python -m benchmarks.scale run
	.venv/bin/python -m benchmarks.scale table --write

bench-dashboard: .venv/.dev
	KERAS_BACKEND=tensorflow .venv/bin/python benchmarks/dashboard.py

# The pictures of the README: the report of the demo, and the tab that the browser test keeps.
screenshots: .venv/.dev
	.venv/bin/python examples/quickstart.py
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1100,1500 \
		--screenshot=out/report.png out/quickstart/faulty.html
	.venv/bin/python -c "from PIL import Image; Image.open('out/report.png').convert('RGB').quantize(256).save('docs/images/report.png', optimize=True)"
	KERAS_BACKEND=tensorflow .venv/bin/python -m pytest tests/dashboard/test_browser.py -k without_scrolling
	.venv/bin/python -c "from PIL import Image; Image.open('out/dashboard/answer.png').convert('RGB').quantize(256).save('docs/images/dashboard.png', optimize=True)"

# The pages of docs/ that are generated from the code; a test asserts that they are up to date.
docs-pages: .venv/.dev
	.venv/bin/python -m tools.quantities_page
	.venv/bin/python -m tools.rules_page

# The documentation, into build/docs/index.html, which opens without a server. Its notebooks are
# executed, every link within it is checked, and the examples of docstrings and pages run.
docs: .venv/.docs
	KERAS_BACKEND=tensorflow .venv/bin/python -m tools.site
	KERAS_BACKEND=tensorflow .venv/bin/python -m pytest -q tests/test_doctests.py tests/docs/test_blocks.py

# The same in about a minute, for CI: the notebooks as they are, without their outputs.
docs-fast: .venv/.docs
	KERAS_BACKEND=tensorflow .venv/bin/python -m tools.site --no-notebooks

# The links of the documentation to other sites; needs the network.
docs-links: .venv/.docs
	KERAS_BACKEND=tensorflow .venv/bin/python -m tools.site --other-sites

# The pictures of the docs that examples draw; a test asserts that none is older than its example.
# On PyTorch, which compiles nothing: most of the time would go into compiling small networks.
pictures: .venv-torch/.dev
	KERAS_BACKEND=torch .venv-torch/bin/python -m tools.pictures

# All that a user can be shown, on one page; a test asserts that it is up to date.
messages: .venv/.dev
	.venv/bin/python -m tools.messages_page

lint: .venv/.dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	MYPYPATH=. .venv/bin/mypy --config-file= --strict --follow-imports=silent tools/public_types.py
	.venv/bin/lint-imports

.venv/.demo: setup.cfg
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet -e '.[tensorflow,examples]'
	touch $@

.venv/.docs: setup.cfg
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet -e '.[tensorflow,docs]'
	touch $@

.venv/.dev: setup.cfg pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet -e '.[tensorflow,dev,trackers]'
	touch $@

.venv-jax/.dev: setup.cfg pyproject.toml
	test -d .venv-jax || $(PYTHON) -m venv .venv-jax
	.venv-jax/bin/pip install --quiet -e '.[jax,dev]'
	touch $@

# PyTorch's default wheel brings CUDA, several GB; the pinned release has a CPU build.
.venv-torch/.dev: setup.cfg pyproject.toml
	test -d .venv-torch || $(PYTHON) -m venv .venv-torch
	.venv-torch/bin/pip install --quiet '$(TORCH)'
	.venv-torch/bin/pip install --quiet -e '.[torch,dev]'
	touch $@

# Python 3.11, and every requirement at its floor; what only tests need is as new as it gets.
.venv-oldest/.dev: setup.cfg tools/floors.py
	test -d .venv-oldest || $(PYTHON_OLDEST) -m venv .venv-oldest
	.venv-oldest/bin/pip install --quiet $$(.venv-oldest/bin/python tools/floors.py tensorflow search) \
		matplotlib pytest pytest-xdist hypothesis
	.venv-oldest/bin/pip install --quiet --no-deps -e .
	touch $@

# Wheel and source distribution, checked, and the wheel installed into an empty environment and used.
dist:
	rm -rf dist .venv-dist .venv-wheel
	$(PYTHON) -m venv .venv-dist
	.venv-dist/bin/pip install --quiet build twine
	.venv-dist/bin/python -m build --outdir dist . >/dev/null
	.venv-dist/bin/twine check --strict dist/*
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/pip install --quiet "$$(ls dist/*.whl)[jax]"
	cd dist && KERAS_BACKEND=jax ../.venv-wheel/bin/python ../tools/try_installed.py

# The versions that Google Colab has installed (November 2026), the suite on each backend.
COLAB = keras==3.13.2 tensorflow==2.20.0 jax==0.7.2 torch==2.11.0
test-colab: .venv-colab/.dev
	for backend in tensorflow jax torch; do \
		KERAS_BACKEND=$$backend .venv-colab/bin/python $(PYTEST) $(PYTEST_ARGS) || exit 1; done

.venv-colab/.dev: setup.cfg pyproject.toml
	test -d .venv-colab || $(PYTHON) -m venv .venv-colab
	.venv-colab/bin/pip install --quiet $(COLAB) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv .venv-jax .venv-torch .venv-oldest .venv-dist .venv-wheel .venv-colab dist .jax_cache build *.egg-info
