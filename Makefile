# make demo and make test do everything on a machine with Python 3.11+ and make.

PYTHON ?= $(firstword $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p; done))
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench lock clean

demo: $(VENV)/installed
	@$(BIN)/ghostresume demo

test: $(VENV)/installed
	$(BIN)/python -m pytest -n auto --dist loadgroup

check: $(VENV)/installed
	$(BIN)/ruff format --check classifier tests
	$(BIN)/ruff check classifier tests
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks

# The versions that everything here is tested with. Needs uv; run it to move to newer ones.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" --quiet --upgrade --extra dev pyproject.toml -o requirements.lock

$(VENV)/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: none was found. Set PYTHON=/path/to/python3."; exit 1; }
	@echo "Making the virtual environment $(VENV) with $(PYTHON): a minute or two, once."
	@$(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made (on Debian: apt install python3-venv)."; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) dist build
