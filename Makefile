# make train    an Ising machine learns handwritten digits
# make test     every test, Rust and Python
# make lint     formatting, clippy, ruff, types, declared dependencies, who may import whom, workflows
# make develop  the package in .venv as it lies here: an edit of Python counts at once, one of Rust after
#               another `make develop`; the other targets use the package so from then on
# make test-fast  the Python tests that are not marked slow, under a minute, on the package as it lies here
# make notebook the notebooks of docs, run anew: their outputs are those of the code as it is
# make docs     the documentation as a site, in `site`: warnings are errors, and tests look at what was built
# make sanitize the Rust tests under AddressSanitizer; takes a few minutes to compile
# make dist     sdist, and a wheel built from it outside of git, in target/dist, both checked as they are published
# make clean    remove what the others made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUST := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' rust/Cargo.toml)
comma := ,
RUST_SOURCES := $(shell find rust -name '*.rs') Cargo.toml Cargo.lock rust/Cargo.toml
SOURCES := $(RUST_SOURCES) $(shell find python -name '*.py' -o -name '*.pyi' -o -name '*.csv') pyproject.toml README.md

# The package as a target needs it: as it lies here after `make develop`, else installed as a user installs it.
package = $(or $(wildcard $(VENV)/developed),$(VENV)/$(1))

# An absolute path of someone's machine, as no committed file may hold one.
OWN_PATH := (^|[^A-Za-z0-9_./~-])/(home|Users|root|work|tmp|mnt|scratch|private)/[A-Za-z0-9_.]

.PHONY: train test test-fast lint develop notebook docs sanitize dist clean tools

train: $(call package,installed)
	$(BIN)/ising-ep train

test: $(call package,installed-test)
	cargo test --workspace
	$(BIN)/python -m pytest --numprocesses auto

lint: $(call package,installed-lint)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest ising_ep._core
	$(BIN)/python -m deptry python
	$(BIN)/python -m pytest tests/test_declared.py
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet .github
	@git grep -nE --untracked '$(OWN_PATH)'; test $$? -eq 1 || \
	  { echo "a committed file must not hold a path of the machine it was made on"; exit 1; }

test-fast: $(VENV)/developed
	$(BIN)/python -m pytest --numprocesses auto -m "not slow"

develop: $(VENV)/developed

notebook: $(call package,installed-test)
	$(BIN)/python tests/test_notebook.py

docs: export ISING_EP_SITE := $(CURDIR)/site
docs: $(call package,installed-docs)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site
	$(BIN)/python -m pytest tests/docs

# The sanitizer comes with every toolchain, but stable ones want to be asked twice. Optimised a little, as the
# statistical tests take minutes otherwise; assertions and overflow checks stay.
sanitize: | tools
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_TEST_OPT_LEVEL=1 \
	  cargo test -p ising-ep --lib --target-dir target/sanitize --target $$(rustc --print host-tuple)

# pip unpacks the sdist in a temporary folder and builds there, as it does on a machine that has no wheel.
dist: | $(BIN)/python
	rm -rf target/dist
	$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2' twine auditwheel
	$(BIN)/maturin sdist --out target/dist
	@echo "Compiling the Rust core: some five minutes on two cores."
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir target/dist target/dist/*.tar.gz
	$(BIN)/twine check --strict target/dist/*
	$(BIN)/python .ci/check_dist.py target/dist
	@if test "$$(uname)" = Linux; then $(BIN)/auditwheel show target/dist/*.whl; fi

clean:
	rm -rf $(VENV) target site

tools:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found: install Python 3.11 or newer, or set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: Python 3.11 or newer is needed, set PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (Debian: python3-venv)"; exit 1; }
	@command -v cargo >/dev/null || { echo "cargo not found: install a Rust toolchain, https://rustup.rs"; exit 1; }
	@found=$$(cargo --version | cut -d' ' -f2); printf '%s\n' $(RUST) $$found | sort -CV || { echo "cargo $$found is too old: Rust $(RUST) or newer is needed, https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { echo "cc not found: install a C compiler, whose linker Rust needs (Debian: gcc)"; exit 1; }

$(BIN)/python: | tools
	$(PYTHON) -m venv $(VENV)

# pip builds the wheel with maturin; nothing else needs installing first.
define install
	@echo "Compiling the Rust core and installing what it needs: some five minutes on two cores, less the next time."
	$(BIN)/python -m pip install $(1)
endef

$(VENV)/installed: $(SOURCES) | $(BIN)/python
	$(call install,'.[all]')
	@touch $@

$(VENV)/installed-test: $(SOURCES) | $(BIN)/python
	$(call install,'.[test]')
	@touch $@ $(VENV)/installed

$(VENV)/installed-lint: $(SOURCES) | $(BIN)/python
	$(call install,'.[test$(comma)lint]')
	@touch $@ $(VENV)/installed-test $(VENV)/installed

$(VENV)/installed-docs: $(SOURCES) | $(BIN)/python
	$(call install,'.[test$(comma)docs]')
	@touch $@ $(VENV)/installed-test $(VENV)/installed

maturin = VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --profile develop

# pip finds the package there, and adds what its extras name; maturin's own --extras would ask PyPI for `ising-ep[all]`.
$(VENV)/editable: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2'
	$(maturin)
	$(BIN)/python -m pip install 'ising-ep[test,lint,docs]'
	@touch $@

# An edit of Python is no reason to compile anything.
$(VENV)/developed: $(RUST_SOURCES) $(VENV)/editable
	$(maturin) --skip-install
	@touch $@
