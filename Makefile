# Everything a person types: `make demo`, `make test`. Nothing else has to be installed first but Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test soak bench lint format clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "adbatch needs Python 3.11 or newer; set PYTHON=python3.12, say")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev,speed]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/adbatch run jobs/summer-sale.yaml --sandbox

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

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
