# A fresh machine needs Python 3.11 or newer with its headers and venv, a C compiler, and make.
# PYTHON chooses the interpreter, CC the compiler. All is installed into .venv; `make clean` removes it.

VENV := .venv
RUN := $(VENV)/bin/python
JOBS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
PIP := $(RUN) -m pip --disable-pip-version-check --quiet
SOURCES := $(shell find csrc fastnn -type f ! -name '*.so' ! -name '*.pyc') setup.py pyproject.toml README.md $(wildcard LICENSE*)

# Stamps. Another PYTHON makes another environment; a file named test,plot says that these extras are installed.
MADE := $(VENV)/made-$(subst /,-,$(PYTHON))
BUILT := $(VENV)/built
TESTS := $(VENV)/test,plot $(if $(filter 1,$(FASTNN_TEST_TORCH)),$(VENV)/torch)

.PHONY: demo test test-kernels test-neon lint stubs sweep bench figures gallery bench-ops wheel dev clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

demo: $(VENV)/plot
	@echo "demo: handwritten digits"
	@$(RUN) examples/digits.py

# From within tests/: in the root, the bare sources would stand before the installed package. A process for each core:
# OpenMP's threads sleep where they wait, to leave the cores to the others.
test: $(TESTS)
	@echo "test: the whole suite against the installed package"
	@cd tests && GOMP_SPINCOUNT=0 ../$(RUN) -m pytest -n $(JOBS) --dist loadfile

test-kernels:
	@echo "test-kernels: the kernels in plain C; with sanitizers; on a processor without AVX"
	@for goal in check sanitized nehalem; do $(MAKE) -j$(JOBS) -C tests/kernels $$goal || exit 1; done

test-neon:
	@echo "test-neon: the kernels in plain C, compiled for aarch64 and emulated"
	@$(MAKE) -j$(JOBS) -C tests/kernels neon

lint: $(VENV)/lint
	@echo "lint: ruff, mypy, the stubs against the installed package, cython-lint, clang-format"
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@cd $(VENV) && bin/python -m mypy.stubtest fastnn --ignore-disjoint-bases --mypy-config-file ../pyproject.toml \
	  --allowlist ../.stubtest
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cython-lint fastnn
	@$(VENV)/bin/clang-format --dry-run -Werror csrc/*.[ch] tests/kernels/*.[ch]

stubs: $(MADE)
	@echo "stubs: the .pyi of each compiled module and of each package whose names are loaded when asked for"
	@$(RUN) .ci/stubs.py

sweep: $(VENV)/test,plot
	@echo "sweep: the elementary functions over all floats"
	@$(RUN) tests/sweep.py

bench: $(VENV)/bench
	@echo "bench: fastnn and its rivals, the published tables and the chart; takes about fifteen minutes of a quiet machine"
	@$(RUN) benchmarks/run.py
	@$(RUN) benchmarks/comparison.py

figures: $(VENV)/bench
	@echo "figures: passes, memory, accuracy, the adding problem, diagnoses, loading, interrupted runs, agents; takes three hours of a quiet machine"
	@for script in passes memory accuracy accuracy_pictures adding_problem diagnosis loading kills reinforcement generative transformers seeds; do $(RUN) benchmarks/$$script.py || exit 1; done

gallery: $(VENV)/plot,images,rl
	@echo "gallery: the examples of generation and reinforcement learning in full; takes two hours"
	@$(PIP) install minatar
	@$(RUN) benchmarks/gallery.py

bench-ops: $(TESTS)
	@echo "bench-ops: each op alone"
	@cd benchmarks && ../$(RUN) -m pytest -q -c /dev/null --rootdir . -o python_files='bench_*.py' -o pythonpath=. \
	  -p no:cacheprovider --benchmark-columns=min,median,rounds --benchmark-json=results/ops.json .

# For every Python of PYTHONS that is found: PYTHON=... names one, PYTHONS="..." several.
wheel: $(VENV)/release
	@echo "wheel: built, audited and tested for each Python, in dist/"
	@bash .ci/wheel $(VENV)/bin $(PYTHONS)

dev: $(MADE)
	@echo "dev: an editable installation with all tools, in $(VENV)/dev"
	@$(RUN) -m venv $(VENV)/dev
	@$(VENV)/dev/bin/python -m pip --disable-pip-version-check --quiet install --editable ".[test,plot,lint]"

clean:
	@echo "clean: removing what was built and installed"
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache fastnn/engine/csrc.pxd
	@find csrc fastnn tests benchmarks examples \( -name '*.so' -o -name __pycache__ \) -prune -exec rm -rf {} +

$(VENV)/plot $(VENV)/test,plot $(VENV)/lint $(VENV)/bench $(VENV)/release $(VENV)/plot,images,rl: $(BUILT)
	@echo "installing what $(@F) needs"
	@$(PIP) install "$$(echo $(VENV)/wheel/*.whl)[$(@F)]"
	@touch $@

$(VENV)/torch: $(VENV)/test,plot
	@echo "installing torch, an oracle for some tests"
	@$(PIP) install torch==2.13.0 || echo "torch cannot be installed: the tests that need it will be skipped"
	@touch $@

# build/ goes first: modules that are no longer in the sources would get from there into the wheel.
$(BUILT): $(MADE) $(SOURCES)
	@echo "building fastnn"
	@rm -rf build $(VENV)/wheel
	@$(PIP) wheel --no-deps --wheel-dir $(VENV)/wheel .
	@$(PIP) install --force-reinstall --no-deps $(VENV)/wheel/*.whl
	@touch $@

# Prints what an interpreter lacks; an old one, or a shim that stands for none, ends with an error instead.
define CHECK
import os, shlex, shutil, subprocess, sys, sysconfig
sys.version_info >= (3, 11) or sys.exit(1)
this = "python%d.%d" % sys.version_info[:2]
include, compiler = sysconfig.get_path("include"), shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC"))
try:
    import ensurepip, venv
except ImportError:
    print("the venv module is missing: install python3-venv (%s-venv)" % this)
if not os.path.exists(os.path.join(include, "Python.h")):
    print("Python.h is missing: install python3-dev (%s-dev)" % this)
elif not shutil.which(compiler[0]):
    print("no C compiler: install gcc or clang; %s is looked for, CC=... names another" % compiler[0])
elif subprocess.run([*compiler, "-I", include, "-fsyntax-only", "-xc", "-"], input=b"#include <Python.h>").returncode:
    print("%s cannot compile: install libc6-dev" % compiler[0])
endef
export CHECK

# The newest complete Python on the path. Each is tried, since it may be a shim for a version that is not active.
PYTHONS := $(or $(PYTHON),$(foreach minor,16 15 14 13 12 11,python3.$(minor)) python3 python)

$(MADE):
	@echo "making the environment $(VENV)"
	@for name in $(PYTHONS); do \
	  case $$name in */*) echo "$$name";; esac; \
	  IFS=:; for folder in $$PATH; do echo "$$folder/$$name"; done; unset IFS; \
	done | { \
	  while read -r python; do \
	    lacks=$$("$$python" -c "$$CHECK" 2>/dev/null </dev/null) || continue; \
	    test "$$lacks" || exec "$$python" -m venv --clear $(VENV); \
	    first=$${first:-$$python: $$lacks}; \
	  done; \
	  echo "$${first:-Python 3.11 or newer is needed: set PYTHON=...}" >&2; exit 1; \
	}
	@touch $@
