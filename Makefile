# make train    an Ising machine learns handwritten digits
# make test     every test, Rust and Python
# make lint     formatting, clippy, ruff, types, declared dependencies
# make sanitize the Rust tests under AddressSanitizer; takes a few minutes to compile
# make clean    remove what the others made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find rust python -name '*.rs' -o -name '*.py' -o -name '*.pyi') \
           Cargo.toml Cargo.lock rust/Cargo.toml pyproject.toml README.md

.PHONY: train test lint sanitize clean tools

train: $(VENV)/installed
	$(BIN)/ising-ep train

test: $(VENV)/installed-test
	cargo test --workspace
	$(BIN)/python -m pytest

lint: $(VENV)/installed-lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest ising_ep._core
	$(BIN)/python -m deptry python

# The sanitizer comes with every toolchain, but stable ones want to be asked twice. Optimised a little, as the
# statistical tests take minutes otherwise; assertions and overflow checks stay.
sanitize: | tools
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_TEST_OPT_LEVEL=1 \
	  cargo test -p ising-ep --lib --target-dir target/sanitize --target $$(rustc --print host-tuple)

clean:
	rm -rf $(VENV) target

tools:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer, or set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: Python 3.11 or newer is needed, set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (Debian: python3-venv)"; exit 1; }
	@command -v cargo >/dev/null || { echo "cargo not found: install a Rust toolchain, https://rustup.rs"; exit 1; }

$(BIN)/python: | tools
	$(PYTHON) -m venv $(VENV)

# pip builds the wheel with maturin; nothing else needs installing first.
$(VENV)/installed: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet .
	@touch $@

$(VENV)/installed-test: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet '.[test]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-lint: $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet '.[test,lint]'
	@touch $@ $(VENV)/installed-test $(VENV)/installed
