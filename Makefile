# Entry points; the build itself is CMake's (CMakePresets.json).
.PHONY: all build demo test check format bench clean
JOBS ?= $(shell nproc)

all: build

# Everything that a build needs, then the release build.
build:
	@scripts/bootstrap
	@cmake --preset release > /dev/null
	@cmake --build --preset release -j $(JOBS)

# The main job on real mail, from nothing to a served and watched spam filter.
demo:
	@scripts/bootstrap
	@cmake --preset release > /dev/null
	@cmake --build --preset release -j $(JOBS) --target amas amas-worker
	@scripts/demo

# Unit tests, fuzz corpora and system tests.
test: build
	@cd build/release && ctest --output-on-failure -j $(JOBS)

check:
	@tools/check

format:
	@git ls-files '*.h' '*.cpp' '*.inl' | xargs clang-format -i

bench:
	@scripts/bootstrap bench
	@cmake --preset release > /dev/null
	@cmake --build --preset release -j $(JOBS) --target amas amas-worker bench_programs
	@bench/run

clean:
	rm -rf build demo-home
