# Forger: `make train` and `make test` are all a fresh machine needs; `make help` lists the rest.
# Paths are relative, so that a checkout may lie under a name with a space in it.
SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: help setup build train test check bench golden dist clean gpu-bundle fuzz

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
torch_dir = $$(sed -n 's/^TORCH_DIR=//p' build/libtorch.env)
python = $$(sed -n 's/^PYTHON=//p' build/libtorch.env)

SANITIZED := conv-check-address conv-check-thread norm-check-address norm-check-thread

help:
	@echo "make train   set up, build and train a DCGAN on glyphs; ARGS=\"--data mnist:DIR --steps 500\" are passed on"
	@echo "make test    set up, build and run every test"
	@echo "make build   bin/forger and build/libgotorch.so"
	@echo "make check   format, vet, lint, race, sanitizers"
	@echo "make bench   benchmarks, and the step beside PyTorch's"
	@echo "make golden  write the golden values again, from real PyTorch"
	@echo "make fuzz    a minute of each fuzz target"
	@echo "make dist    a relocatable folder: program, libraries, set-up"
	@echo "make clean   remove what was built"

setup:
	@scripts/setup

build: setup
	@scripts/build "$(VERSION)"

# 3000 steps: two to three minutes on two cores, and digits a person can read.
train: build
	@bin/forger train --data glyphs --size 32 --steps 3000 --sample-every 500 $(ARGS)

test:
	@scripts/setup --tests
	@scripts/build "$(VERSION)"
	@scripts/test

check: build
	@export GOFLAGS="$(GOFLAGS) -tags=$$(cat build/tags)"; scripts/check && go test -race ./data ./vision ./torch/... ./gan/... ./cmd/...
	@cmake --build build --target $(SANITIZED) && for check in $(SANITIZED); do build/$$check || exit 1; done
	@scripts/check-address

bench: build
	@GOFLAGS="$(GOFLAGS) -tags=$$(cat build/tags)" go test -run '^$$' -bench . -benchmem ./data ./vision ./torch ./torch/pt
	@cmake --build build --target gotorch-bench && for i in 1 2 3; do build/gotorch-bench; done
	@cmake --build build --target gotorch-step && for i in 1 2 3; do build/gotorch-step 20 4; bin/forger bench --synthetic --channels 3 --layout channels_last --conv stock --steps 20 --warmup 4; done
	@"$(python)" scripts/peers/compare.py bin/forger
	@"$(python)" scripts/peers/compare.py bin/forger --size 32 --channels 1 --steps 50 --warmup 10

golden:
	@scripts/setup --tests
	@cd torch && go generate .
	@for script in scripts/golden*.py; do "$(python)" "$$script" || exit 1; done

fuzz: build
	@scripts/fuzz

dist: build
	@scripts/dist "$(VERSION)"

gpu-bundle: build
	@scripts/gpu-bundle

clean:
	rm -rf bin build dist
