# Three commands suffice on a fresh machine with Python >= 3.11, make and git:
#   make demo     make canary HERO=lexical     make test
# Everything else is optional and also one command. `make help` lists them.

HERO ?= all
ARGS ?=
CONFIGS ?= configs
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PY := .venv/bin/python
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
# make says `Error N` of any status but 0: the line before it says whether the gate decided.
DECIDED = || sh .ci/decided $$? $@

.DEFAULT_GOAL := help
.PHONY: help demo pipeline canary select lock promote rollback dashboard documents nightly weekly continuous emergency test test-slow fuzz browser-test lint wheel wheel-test bench peers characteristics offline-characteristics mutants report readme calibrator doctor clean lock-requirements

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 25

demo: .venv/runtime.done ## judge three made-up heroes by the real gate: one better, one that ruins something, one hardly tried
	$(PY) -m hero_gate demo

pipeline: .venv/dev.done ## the five phases of HERO, from sanity to reports; goes on where it was interrupted
	$(PY) -m hero_gate pipeline --hero=$(HERO) --configs=$(CONFIGS) $(ARGS) $(DECIDED)

canary: .venv/runtime.done ## decide about HERO (lexical, router, ann, all, or a pack's path); 0 only on PROMOTE
	$(PY) -m pytest -m canary --hero=$(HERO) --configs=$(CONFIGS) $(ARGS) $(DECIDED)

select: .venv/runtime.done ## compare the systems of HERO's grid on the selection queries; ARGS=--write selects the best
	$(PY) -m pytest -m select --hero=$(HERO) --configs=$(CONFIGS) $(ARGS) $(DECIDED)

lock: .venv/runtime.done ## freeze what is released of HERO: configs/locks/<hero>.lock.json
	$(PY) -m pytest -m lock --hero=$(HERO) --configs=$(CONFIGS) --write $(ARGS) $(DECIDED)

promote: .venv/runtime.done ## make the attested HERO the baseline; refuses what is not signed, fresh and locked
	$(PY) -m reports.promotion promote --hero=$(HERO) --configs=$(CONFIGS) $(ARGS)

rollback: .venv/runtime.done ## bring the previous baseline back, byte for byte
	$(PY) -m reports.promotion rollback --configs=$(CONFIGS) $(ARGS)

dashboard: .venv/runtime.done ## write the page of what serves, what is due, and what needs a person; prints its path
	$(PY) -m automation dashboard --configs=$(CONFIGS) $(ARGS)

documents: .venv/runtime.done ## write the twelve documents of the last canary from what was signed of it
	$(PY) -m reports.documents --configs=$(CONFIGS) $(ARGS)

nightly: .venv/runtime.done ## the four jobs of a night: what serves against the numbers on record, suites, evidence, intervals
	$(PY) -m pytest -m nightly --configs=$(CONFIGS) $(ARGS) $(DECIDED)

weekly: .venv/dev.done ## drift pack, parity of the ports, pool audit and tripwires, in this order, with a summary
	$(PY) -m pytest -m weekly --configs=$(CONFIGS) $(ARGS) $(DECIDED)

continuous: .venv/runtime.done ## one round of what is probed all day: hero health, gate monitor, emergency tripwire
	$(PY) -m pytest -m continuous --configs=$(CONFIGS) $(ARGS) $(DECIDED)

emergency: .venv/runtime.done ## the emergency tripwire alone, within two seconds
	$(PY) -m pytest -c suites/continuous/emergency.ini suites/continuous/test_emergency.py --configs=$(CONFIGS) $(ARGS) $(DECIDED)

test: .venv/dev.done ## run the framework's own tests, a sample of the slow ones
	$(PY) -m pytest tests -n 3 --dist worksteal $(ARGS)

test-slow: .venv/dev.done ## run its slow kinds whole: properties, kill points, all that make test samples
	$(PY) -m pytest tests -n 3 --dist worksteal --whole $(ARGS)

fuzz: .venv/dev.done ## try every reader of files with bent ones, ten minutes of processor time
	$(PY) -m pytest tests/test_fuzz.py -n 2 --whole $(ARGS)

browser-test: .venv/dev.done ## open our pages in chromium: first screen, axe, nothing fetched, no sideways scroll, paper
	$(PY) -m pytest tests/browser/look.py -rs $(ARGS)

lint: .venv/dev.done ## ruff, mypy --strict, and which locks no longer fit
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m fixtures.lock stale configs configs/smoke

wheel: .venv/dev.done ## build the wheel of this commit: the checkout, to be installed, in dist/
	$(PY) -m pip wheel --quiet --no-build-isolation --no-deps -w dist .

wheel-test: .venv/dev.done ## install it with hashes into fresh environments and use it there (downloads; 3 minutes)
	$(PY) -m pytest tests/hero_gate/wheel.py $(ARGS)

bench: .venv/dev.done ## time the measures and the calibrator beside their peers
	$(PY) -m pytest benchmarks -c benchmarks/pytest.ini $(ARGS)

peers: .venv/dev.done ## what do Kayenta, Argo Rollouts, Flagger and GrowthBook decide on the same streams? (writes docs/peers.md)
	$(PY) -m benchmarks.peers

characteristics: .venv/dev.done ## simulate releases: how often is the gate wrong? (12 minutes; writes docs and configs/characteristics.json)
	$(PY) -m proof.characteristics $(ARGS)

offline-characteristics: .venv/dev.done ## simulate single looks at few queries: how often does mode offline err? (4 minutes; writes docs)
	$(PY) -m proof.offline

mutants: .venv/dev.done ## does each seeded fault turn its check red? HERO=path scores a hero of your own
	$(PY) -m proof.mutants $(if $(filter-out all,$(HERO)),--hero=$(HERO)) $(ARGS)

report: .venv/dev.done ## render the Allure results of the last canary into one HTML file
	$(PY) -m reports.render.allure_page --configs=$(CONFIGS) $(ARGS)

readme: .venv/dev.done ## fill the samples of README and docs/ from canaries of this commit; on a quiet machine
	@said=$$(mktemp -d) && canary="$(PY) -m pytest -m canary" && echo "four canaries, 2 minutes; they print into $$said"; \
	$$canary --hero=lexical >$$said/promote; \
	$$canary --hero=configs/bad/error_answers_demoted.yaml >$$said/rollback; \
	$$canary --hero=all >$$said/all; \
	$(PY) -m hero_gate demo >$$said/demo; \
	$(PY) -m proof.pages.samples $$said/promote $$said/rollback reports/out $$said/demo reports/out/demo/results
	$(PY) -m pytest -q tests/test_readme.py

calibrator: .venv/runtime.done ## fit CALIB_V22 anew (a new calibrator is a new release)
	$(PY) -m lens fit-calibrator --configs=$(CONFIGS)

doctor: ## say what is missing for which job
	@sh .ci/doctor

clean: ## remove environment, results and caches of this checkout (not the shared corpus cache)
	rm -rf .venv reports/out reports/site/node_modules .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock-requirements: ## compile requirements/*.in anew (needs uv); core.lock is the part of runtime.lock that a wheel needs
	cd requirements && for f in runtime dev "core -c runtime.lock"; do set -- $$f; \
	  uv pip compile --python-version 3.11 --generate-hashes --no-header $$1.in -o $$1.lock $$2 $$3 || exit 1; done

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python >= 3.11 is needed, but none is on the PATH;" \
	  "install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module;" \
	  "install it (Debian: apt-get install python3-venv) or name another Python: make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/runtime.done: requirements/runtime.lock | .venv/bin/python
	@echo "installing what the canary needs (once, about half a minute)"
	$(INSTALL) -r requirements/runtime.lock
	@touch $@

.venv/dev.done: requirements/dev.lock .venv/runtime.done
	@echo "installing what tests and reports need (once)"
	$(INSTALL) -r requirements/dev.lock
	@touch $@
