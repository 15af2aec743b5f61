# Two commands for a newcomer: make demo, make test. Everything happens in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := demo-study

.PHONY: demo test bench docs clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]'
	touch $@

$(VENV)/.installed-test: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,docs,test]'
	touch $@

demo: $(STAMP)
	$(BIN)/remnant demo $(DEMO)

test: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/numpydoc lint $$(git ls-files 'src/**/*.py')
	$(BIN)/pytest -n 2

bench: $(VENV)/.installed-test
	@for script in benchmarks/[a-z]*.py; do $(BIN)/python $$script $(BENCH_ARGS) || exit 1; done

docs: $(VENV)/.installed-test
	$(BIN)/sphinx-build -W -b html docs docs/_build/html

clean:
	rm -rf $(VENV) $(DEMO) build dist docs/_build
