# The few commands that people, the README and CI share.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REPORTS ?= corpus
QUESTIONS ?= corpus/questions.jsonl
QUESTION := How many children in Northamptonshire had no social worker when Ofsted visited in 2018?

.PHONY: demo test bench soak screenshots lint format vendor clean help

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: $(VENV)/.installed  ## install, index corpus/, ask a question, print the cited answer
	$(BIN)/citewell index corpus
	$(BIN)/citewell ask "$(QUESTION)"

test: $(VENV)/.installed-dev  ## run the tests
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# Without INDEX, one is made of REPORTS; with it, that index is measured and stays as it is.
BENCH_INDEX := $(or $(INDEX),$(VENV)/bench-index)

bench: $(VENV)/.installed  ## measure speed and memory beside peers: INDEX=, QUESTIONS=, REPORTS= for your own
	$(if $(INDEX),,$(BIN)/citewell index --index $(BENCH_INDEX) $(REPORTS))
	$(BIN)/python -m tests.benchmarks.encode $(BENCH_INDEX) $(QUESTIONS)
	$(BIN)/python -m tests.benchmarks.search $(BENCH_INDEX) $(QUESTIONS)
	$(BIN)/python -m tests.benchmarks.cold $(BENCH_INDEX) --rounds 3
	$(BIN)/python -m tests.benchmarks.memory $(BENCH_INDEX) $(QUESTIONS)
	$(BIN)/python -m tests.benchmarks.change $(REPORTS)

soak: $(VENV)/.installed-dev  ## try to break it, at length (about an hour), and write tests/faults/RESULTS.md
	$(BIN)/python -m tests.faults

screenshots: $(VENV)/.installed-dev  ## take the pictures of the pages that the README shows; needs Chromium
	$(BIN)/python -m tests.e2e.screenshots .pictures

lint: $(VENV)/.installed-dev  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev  ## let ruff lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Without GDS Transport and the royal arms, which only GOV.UK itself may use.
vendor:  ## fetch the files of the GOV.UK Design System anew
	npm pack --silent govuk-frontend@6.6.0
	tar -xzf govuk-frontend-6.6.0.tgz --strip-components=3 -C service/web/static \
		package/dist/govuk/govuk-frontend.min.css package/dist/govuk/govuk-frontend.min.js
	sed -E -i -e 's/@font-face\{[^}]*\}//g' -e 's/"?GDS Transport"?,//g' -e 's#url\(/assets/[^)]*\)#none#g' \
		-e 's#/[/*][\#] sourceMappingURL=.*##' service/web/static/govuk-frontend.min.*
	rm govuk-frontend-6.6.0.tgz

clean:  ## remove what the other commands made
	rm -rf $(VENV) .citewell .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

# torch comes first and pinned: left to resolve freely, pip takes a build with gigabytes of CUDA.
$(VENV)/.torch:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.torch pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@ $(VENV)/.installed
