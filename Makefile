# Everything a person types: `make demo`, `make test`. Nothing else has to be installed first but Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Compiled modules are kept, whatever the machine says: the tests start the command some hundreds of times, and without them
# each of these compiles all of it anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test soak bench lint style types suite format clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "adbatch needs Python 3.11 or newer; set PYTHON=python3.12, say")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev,speed]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/adbatch run jobs/summer-sale.yaml --sandbox

lint: style types

style: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

# Whole files go to the workers in the order of their names: the dear ones (acceptance, crash) come early and none is left for the end.
# Three of them keep two cores busy: a third of the tests' time is waiting, for a poll, a limit, a disk.
suite: $(VENV)/.installed
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

# mypy keeps but one core busy, so the suite runs beside it.
test: style
	@$(MAKE) --no-print-directory --jobs 2 types suite

# The long versions of the harnesses: a thousand kills and more, about an hour.
soak: $(VENV)/.installed
	ADBATCH_SOAK=1 $(BIN)/python -m pytest -m soak --timeout 3600

# How fast it is, beside a bare client: some minutes, with BENCH_FULL=1 an hour. BENCH="chat start" runs only these.
bench: $(VENV)/.installed
	$(BIN)/python -m tests.bench $(BENCH)

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .adbatch out .pytest_cache .ruff_cache .mypy_cache
