# The two commands of the README: `make chat` and `make test`. People without make find the plain commands there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Set LLM=none for `make chat` without a language model, LLM=NAME for another one.
LLM ?=
CHAT_OPTIONS := $(if $(LLM),--llm $(LLM))

.PHONY: help setup setup-dev chat test lint eval clean
help:
	@echo "make chat   set up, put in the sample articles, chat in the browser"
	@echo "make test   set up, run every check and test"
	@echo "make lint   format, style, types and layers only"
	@echo "make eval   offline evaluation over the shipped questions"
	@echo "make clean  remove the environment and caches (the library stays)"

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "有据需要 Python 3.11 或更新的版本")'
	$(PYTHON) -m venv $(VENV)
	touch $@

# Bytecode is compiled while installing (pip's default): the first import of torch takes 18 s without it.
$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt
	$(PIP) install --quiet --progress-bar on -c constraints.txt -e '.[llama]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --quiet --progress-bar on -c constraints.txt -e '.[llama,gguf,dev]'
	touch $@

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

chat: setup
	$(BIN)/youju chat --if-empty eval/data/articles --questions eval/data/examples.txt $(CHAT_OPTIONS)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest

eval: setup
	$(BIN)/python -m eval run $(if $(LLM),--llm $(LLM)) --out results/shipped

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
