# The habits of this repository. `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Everything here knows the build's outputs by their default place.
unexport CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_TARGET
MODELS := target/models
PREFIX ?= /usr/local
SMOLLM2 := $(MODELS)/SmolLM2-135M-Instruct.Q4_1.gguf

include scripts/programs.mk

.PHONY: help deps models build examples install sizes demo test torture soak sanitize mutation test-templates lint header options bench bench-compare bench-schemas

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' Makefile

deps: ## Install the build tools this machine lacks (Debian; does nothing when all are there)
	@scripts/deps.sh

models: deps ## Fetch SmolLM2-135M-Instruct and generate the tiny test models
	@tests/assets/fetch_models.sh $(MODELS)
	@"$$(scripts/python.sh)" tests/assets/make_models.py $(MODELS)

build: deps ## Build libchaku, shared and static (FEATURES="vulkan" for other backends; the first time takes minutes)
	@scripts/build.sh

examples: build ## Compile the C examples against include/chaku.h
	@$(MAKE) -C examples/c

install: ## Install header, libraries, pkg-config and CMake files (PREFIX=/usr/local, DESTDIR=, LIBDIR=lib); after `make build`
	@scripts/install.sh "$(PREFIX)" "$(DESTDIR)" "$(LIBDIR)"

sizes: build ## Say what the stripped library consists of: by section and by part
	@scripts/sizes.sh

demo: build ## Stream a real reply: build, fetch the model, compile examples/c/chat.c and run it
	@tests/assets/fetch_models.sh $(MODELS)
	@$(MAKE) -C examples/c ../../target/examples/c/chat
	target/examples/c/chat $(SMOLLM2) "Why is the sky blue?"

test: build models ## Run every test: Rust, C, and the comparison with a plain llama.cpp loop
	@scripts/test.sh

torture: build models ## Eight threads do random things to shared objects (OPS=20000 SEED=1)
	@tests/torture/run.sh $(or $(OPS),20000) $(or $(SEED),1)

soak: build models ## Thousands of requests on one model whose limits are met all the time (REQUESTS=20000 SEED=1)
	@tests/soak/run.sh $(or $(REQUESTS),20000) $(or $(SEED),1)

# Both, also when the first one fails.
sanitize: build models ## Run the tests of the C interface under memcheck and AddressSanitizer (the first time takes ten minutes more)
	@status=0; tests/sanitize/valgrind.sh || status=1; tests/sanitize/asan.sh || status=1; exit $$status

mutation: deps models ## Mutate files, templates, grammars, options and texts against one process that must live (CASES=2000 SEED=1)
	@tests/mutation/run.sh --cases $(or $(CASES),2000) --seed $(or $(SEED),1)

test-templates: deps ## Hold chats through the templates of many families, against docs/chat-templates.md
	@tests/templates/families.sh

lint: deps ## Check formatting, clippy, dependency directions, unsafe code, the generated header and docs
	@scripts/lint.sh

header: deps ## Generate include/chaku.h from capi/
	@cargo run --release --quiet -p chaku-capi --example header

options: deps ## Generate docs/options.md and docs/options.schema.json from the table of options
	@cargo run --release --quiet -p chaku --example options_docs

# A make of its own builds the programs: what the first build makes is not there yet when this one looks.
bench: build models ## Measure against a plain llama.cpp loop, and the modules against C: one JSON line a figure (ONLY="decode cancel" for some)
	@$(MAKE) $(BENCHES) >&2
	@cargo build --release --quiet -p chaku-bench
	@bindings/node/build.sh
	@bindings/python/run.sh --collect-only --quiet >/dev/null  # installs the module and runs nothing
	@"$$(scripts/python.sh)" benches/run.py $(ONLY)

bench-compare: build ## Measure the same workloads in chaku and its peers, which are installed first (ONLY="shared8", ROUNDS=5, WITH=llama-cpp-python)
	@tests/assets/fetch_models.sh $(MODELS)
	@benches/compare/install.sh $(WITH)
	@$(MAKE) target/compare/chaku_side >&2
	@"$$(scripts/python.sh)" benches/compare/run.py $(ONLY)

bench-schemas: build models ## Say how much of JSON Schema an answer can be held to, by the cases of its test suite (SEEDS=8)
	@benches/schemas/run.sh $(SEEDS)
