# `make demo` and `make test` set themselves up: Python 3.11+ and make are all they ask of a machine.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
OLDEST  = .venv-oldest
READY   = $(VENV)/.ready
DEMO    = $(VENV)/.ready-demo

# Hundreds of processes start in a run of the tests: each module is compiled once, whatever the shell says.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test test-fast test-oldest hunt lint bench bench-check gpu clean help

help:
	@echo "make demo   render, ingest, split, train, score and report, small (minutes on 2 CPU cores)"
	@echo "make test   the tests"
	@echo "make test-fast  the quick ones of them, under a minute"
	@echo "make test-oldest   the tests with the oldest versions of all packages that setup.cfg allows (a 3 GB download)"
	@echo "make hunt   the property tests and mutated inputs on examples never tried before, until one fails"
	@echo "make lint   ruff and mypy"
	@echo "make bench  measure speed and memory against floors; prints and rewrites benchmarks/results"
	@echo "make bench-check   compare short forms of the benchmarks with kept ratios; KEEP=1 renews those"
	@echo "make gpu    on a machine with a GPU, in 7 minutes and without an install: its tests, speeds and a training"
	@echo "make clean  remove the virtual environment and what the demo made"

# Modules are compiled when they are first imported, by both cores: pip would compile all 20,000 of
# them beforehand, on one.
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gprplus needs Python 3.11 or newer; found %s. Try: make PYTHON=python3.11" % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(READY): setup.cfg pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable '.[test]'
	@touch $@ $(DEMO)

# The demo and the commands of README.md: not the packages that only tests need.
$(DEMO): setup.cfg pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable '.[analysis,explore,plan,pretrained]'
	@touch $@

demo: $(DEMO)
	$(BIN)/gprplus demo

test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# Reading, checking and writing of data, without training and without whole commands from end to end.
FAST = $(addprefix tests/,core schema archives cli ingest) $(addprefix tests/test_,architecture.py language.py doctests.py errors.py stored.py schema.py declared.py protocol.py docs.py)

test-fast: $(READY)
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not slow" $(FAST)

# Always with Python 3.11, the oldest: `make test-oldest PYTHON=python3.11` where python3 is newer.
$(OLDEST)/.ready: setup.cfg tools/lower_bounds.py
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(PYTHON) tools/lower_bounds.py > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
	  --constraint $(OLDEST)/constraints.txt --editable '.[test]'
	@touch $@

test-oldest: $(OLDEST)/.ready
	$(OLDEST)/bin/python -m pytest --numprocesses auto --dist worksteal

hunt: $(READY)
	while $(BIN)/python -m pytest --numprocesses auto -m hypothesis --hypothesis-profile hunt -x \
	  && GPRPLUS_FAULTS=$$(date +%s000):1000 GPRPLUS_KILLS=8 $(BIN)/python -m pytest --numprocesses auto tests/faults -x; \
	do :; done

# The packages whose values everything else trusts.
STRICT = gprplus/core gprplus/schema gprplus/evaluation gprplus/statistics

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict --follow-imports=silent $(STRICT)

bench: $(READY)
	$(BIN)/python -m benchmarks

bench-check: $(READY)
	$(BIN)/python -m benchmarks.check $(if $(KEEP),--keep)

# With the Python and the packages of the machine: nothing is installed.
gpu:
	PYTHONPATH=. $(PYTHON) -m benchmarks.gpu

clean:
	rm -rf $(VENV) $(OLDEST) work *.egg-info build
