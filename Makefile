# Building and testing udpcam. `make` alone lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# How many inputs each fuzz target gets. A time would do too, but go test sometimes fails when it is over.
FUZZTIME ?= 4000x

# The build tags for Debian's OpenCV, and the packages whose code depends on them.
OPENCV_TAGS := gocv,gocv_specific_modules,gocv_highgui,gocv_videoio
OPENCV_PKGS := ./sender/source ./receiver/sink

# The systems that `make cross` builds for.
PLATFORMS := linux/arm64 linux/arm darwin/arm64 windows/amd64

# The name of a release, and its targets: system, processor, and for arm the version.
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
EPOCH    ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
RELEASES := linux/amd64 linux/arm64 linux/arm/7 linux/arm/6 darwin/arm64 darwin/amd64 windows/amd64
LDFLAGS  := -s -w -X main.release=$(VERSION)
RELEASE_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'

# The Debian packages: Debian's name of the architecture, and Go's. Debian's versions begin with a digit.
DEB_ARCHS   := amd64:amd64 arm64:arm64 armhf:arm
DEB_FILES   := lib/systemd/system/udpcam.service lib/systemd/system/udpcam-hub.service lib/udev/rules.d/70-udpcam.rules \
	share/man/man1/udpcam.1.gz share/bash-completion/completions/udpcam share/zsh/vendor-completions/_udpcam \
	share/fish/vendor_completions.d/udpcam.fish share/doc/udpcam/udpcam.toml share/doc/udpcam/copyright
DEB_VERSION := $(shell sed -E 's/^v([0-9])/\1/; t; s/^/0~/' <<<'$(VERSION)')
NFPM        := go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4

# What `make install` installs, and the folders it goes into.
PROGRAM ?= ./udpcam
PREFIX  ?= /usr/local
UNITDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib,/etc)/systemd/system
ZSHDIR  ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
UDEVDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib,/etc)/udev/rules.d

# The Debian packages for the tests in bench/lab, and the Go packages that have such tests.
LAB_DEBS := busybox-static cpio gcc kmod qemu-system-x86 ustreamer
LAB_PKGS := ./cmd/udpcam ./cmd/udpcam-bench ./sender/source ./bench

# The Debian packages for the wire in other languages: see protocol/README.md. Other packages of nodejs have npm in them.
LANGUAGE_DEBS := gcc g++ clang cmake gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf libc6-dev-arm64-cross \
	libc6-dev-armhf-cross libclang-rt-14-dev libopencv-dev mypy \
	nodejs $(if $(shell command -v npm),,npm) python3-cryptography python3-numpy python3-pytest

# Debian packages: for the OpenCV build and the race detector, then what tests run.
DEBS := g++ libopencv-dev pkg-config \
	avahi-daemon avahi-utils ca-certificates chromium curl dbus e2fsprogs ffmpeg firefox-esr gstreamer1.0-plugins-base \
	gstreamer1.0-plugins-good gstreamer1.0-tools imagemagick iproute2 iptables libjpeg-turbo-progs nftables nginx-light openssl \
	python3 python3-opencv qemu-user-static systemd webkit2gtk-driver xdotool xvfb zbar-tools $(LANGUAGE_DEBS) $(LAB_DEBS)

# The programs that `make bench` compares with, and its kind of network: the kernel's netem if there is one.
BENCH_DEBS := gcc libc6-dev iproute2 kmod ffmpeg chromium gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
	gstreamer1.0-plugins-bad srt-tools
BENCH_LINK ?= $(shell modprobe -nq sch_netem && echo netem || echo tun)

# Packages without goroutines. The race detector finds nothing there, and makes tests that compute much ten times slower.
PURE := /(internal/pattern|protocol(/mjpeg)?|sender/internal/path)$$

# The only tests that `make test` may skip in all its steps: no package has what they need of the system. In turn:
# network namespaces, IPv6, multicast, the right to mount, UDP_SEGMENT.
MAY_SKIP := Netns|IPv6|::1|BothFamilies|TestDial/|Multicast|FullDisk|GoesOn|KeepFree|PowerCut|TestManyInOneCall|TestFallbacks

# The database of known vulnerabilities. It may also be a folder: VULNDB=file:///path
VULNDB ?= https://vuln.go.dev

STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOTESTSUM   := go run gotest.tools/gotestsum@v1.13.0 --format standard-quiet

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build ./udpcam: pure Go, one static binary
	CGO_ENABLED=0 go build -o udpcam ./cmd/udpcam

.PHONY: build-bench
build-bench: build ## Build ./udpcam-bench, which measures, beside ./udpcam
	CGO_ENABLED=0 go build -o udpcam-bench ./cmd/udpcam-bench

.PHONY: build-opencv
build-opencv: ## Build ./udpcam with OpenCV's cameras and window (needs libopencv-dev)
	go build -tags $(OPENCV_TAGS) -o udpcam ./cmd/udpcam

.PHONY: install
install: ## Install udpcam with its manual, completions, udev rule and service into DESTDIR/PREFIX (/usr/local)
	@test -x $(PROGRAM) || { echo "there is no $(PROGRAM): run make build first, or make build-opencv"; exit 1; }
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/udpcam
	install -d $(addprefix $(DESTDIR),/etc/udpcam $(PREFIX)/share/man/man1 $(PREFIX)/share/bash-completion/completions \
		$(ZSHDIR) $(PREFIX)/share/fish/vendor_completions.d $(UNITDIR) $(UDEVDIR))
	$(PROGRAM) man | gzip -9n >$(DESTDIR)$(PREFIX)/share/man/man1/udpcam.1.gz
	$(PROGRAM) completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/udpcam
	$(PROGRAM) completion zsh >$(DESTDIR)$(ZSHDIR)/_udpcam
	$(PROGRAM) completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/udpcam.fish
	for unit in cmd/udpcam/dist/*.service; do \
		sed 's#@BINDIR@#$(PREFIX)/bin#' $$unit >$(DESTDIR)$(UNITDIR)/$$(basename $$unit); \
	done
	install -m 644 -t $(DESTDIR)$(UDEVDIR) cmd/udpcam/dist/70-udpcam.rules
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/udpcam cmd/udpcam/dist/udpcam.toml

.PHONY: release
release: | build/ ## Build archives for VERSION of all RELEASES, static, with their sums, into build/release
	rm -rf build/release
	$(RELEASE_BUILD) -o build/udpcam-here ./cmd/udpcam
	@for platform in $(RELEASES); do \
		IFS=/ read -r os arch arm <<<$$platform; \
		name=udpcam-$(VERSION)-$$os-$${arch/%arm/armv$$arm}; \
		mkdir -p build/release/$$name/completions; \
		GOOS=$$os GOARCH=$$arch GOARM=$$arm $(RELEASE_BUILD) -o build/release/$$name/ ./cmd/udpcam; \
		cp README.md LICENSE cmd/udpcam/dist/udpcam.toml build/release/$$name/; \
		if [[ $$os == linux ]]; then \
			cp cmd/udpcam/dist/*.{service,rules} build/release/$$name/; \
			sed -i 's#@BINDIR@#/usr/local/bin#' build/release/$$name/*.service; \
		fi; \
		build/udpcam-here man >build/release/$$name/udpcam.1; \
		for shell in bash zsh fish; do build/udpcam-here completion $$shell >build/release/$$name/completions/udpcam.$$shell; done; \
		tar -C build/release --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(EPOCH) -cf - $$name | gzip -9n \
			>build/release/$$name.tar.gz; \
		rm -r build/release/$$name; \
	done
	@cd build/release && sha256sum *.tar.gz | tee SHA256SUMS

.PHONY: deb
deb: | build/ ## Build Debian packages of VERSION for amd64, arm64 and armhf into build/deb
	rm -rf build/deb
	$(RELEASE_BUILD) -o build/udpcam-here ./cmd/udpcam
	@$(MAKE) install PROGRAM=build/udpcam-here DESTDIR=build/deb/root PREFIX=/usr
	@for arch in $(DEB_ARCHS); do \
		GOOS=linux GOARCH=$${arch#*:} GOARM=7 $(RELEASE_BUILD) -o build/deb/root/usr/bin/udpcam ./cmd/udpcam; \
		DEB_ARCH=$${arch%:*} DEB_VERSION='$(DEB_VERSION)' SOURCE_DATE_EPOCH=$(EPOCH) \
			$(NFPM) package -f cmd/udpcam/dist/nfpm.yaml -p deb -t build/deb; \
	done
	@rm -r build/deb/root

# The steps of `make test`, in this order.
STEPS := setup lint vulns cross emulated units packages race unit languages soak 32-bit fuzz test-opencv lab no-skips

.PHONY: check
check: ## Check and test everything that needs only Go: a minute or two, for use while you work
	@$(MAKE) format
	go vet ./...
	$(STATICCHECK) ./...
	go test -p 3 -skip '^TestE2E(Netns|Demo)' ./...

.PHONY: test
test: ## Install what is missing, then check and test everything, step by step
	@n=0; for step in $(STEPS); do \
		echo "==> step $$((++n)) of $(words $(STEPS)), $$(date +%T): make $$step"; \
		$(MAKE) $$step || { echo "make $$step failed: the lines above say why"; exit 1; }; \
	done; echo "==> all $(words $(STEPS)) steps passed, $$(date +%T)"

# The tests on networks of their own mostly wait. So they run beside the others.
.PHONY: race race-networks race-others
race: ## Test with the race detector, the commands end to end included; long simulations are short
	@printf '%s\n' race-networks race-others | xargs -P 2 -I {} $(MAKE) {}

# What a page prefers depends on how busy its machine is. So the step soak tests that, when nothing else runs.
race-networks: | build/
	$(GOTESTSUM) --jsonfile build/race-networks.json -- -race -short -timeout 30m -run '^TestE2ENetns' \
		-skip '^TestE2ENetnsPageWays$$' ./cmd/...

race-others: | build/
	$(GOTESTSUM) --jsonfile build/race.json -- -race -short -timeout 30m -p 3 -skip '^TestE2ENetns' \
		$$(go list ./... | grep -Ev '$(PURE)')

.PHONY: unit
unit: | build/ ## Run in full the tests that the step race shortens or leaves out
	$(GOTESTSUM) --jsonfile build/unit.json -- -skip '^TestE2E' $$(go list ./... | grep -E '$(PURE)') \
		$$(grep -rl --include='*_test.go' 'testing\.Short()' . | xargs dirname | sort -u)

# The folders in protocol with the wire in other languages.
LANGUAGES := c cpp python js

# Each folder tests itself, by `make test`. Then every sender sends to every receiver, and udpcam-bench conform tests them all.
.PHONY: languages language
languages: | build/ ## Test the wire in other languages: each by itself, every sender with every receiver, and all against the rules
	@mkdir -p build/languages
	@printf '%s\n' $(LANGUAGES) | xargs -P 2 -I {} $(MAKE) language LANGUAGE={}
	CGO_ENABLED=0 go build -o build/languages/ ./cmd/udpcam
	@for language in c cpp; do $(MAKE) -C protocol/$$language MAKEFLAGS= OUT=$(CURDIR)/build/languages >build/languages/$$language-build.log 2>&1 || \
		{ cat build/languages/$$language-build.log; exit 1; }; done
	go vet -tags languages ./bench/conform
	$(GOTESTSUM) --jsonfile build/languages.json -- -count=1 -tags languages -run '^TestE2E' ./bench/conform -programs $(CURDIR)/build/languages

language:
	@if $(MAKE) -C protocol/$(LANGUAGE) MAKEFLAGS= test >build/languages/$(LANGUAGE).log 2>&1; then echo "protocol/$(LANGUAGE): passed"; \
		else cat build/languages/$(LANGUAGE).log; echo "protocol/$(LANGUAGE): failed"; exit 1; fi

# It runs on amd64 alone. Tests that look at the page in a browser find nothing here that the step race does not.
.PHONY: 32-bit
32-bit: ## Test the packages as 32-bit code, like that of the release for armv7
	$(if $(filter amd64,$(shell go env GOHOSTARCH)),CGO_ENABLED=0 GOARCH=386 go test -short -skip '^Test(Page|Grid|Phone)' \
		./protocol/... ./receiver/... ./sender/...)

.PHONY: e2e
e2e: ## Test the built commands end to end
	go test -count=1 -v -run '^TestE2E' ./cmd/...

# How long the soak lasts.
SOAK ?= 1m

# What attackers and disturbances do is random, and a camera that is killed while somebody forges its address may take long to get
# its name back. So a soak that fails is tried once more.
.PHONY: soak soak-once
soak: | build/ ## Test pages on a lossy network, then attack the commands: each attack alone, and all at once for SOAK (1m) (root)
	@$(MAKE) soak-once || { echo "the soak failed, and is tried once more"; $(MAKE) soak-once; }

soak-once:
	$(GOTESTSUM) --jsonfile build/soak.json -- -count=1 -timeout 60m -run '^TestE2ENetns(PageWays|Attacks|Soak|HubSoak)$$' ./cmd/udpcam -soak $(SOAK)

.PHONY: bench
bench: build-bench ## Measure everything in bench/results again (root; 13 minutes)
	@$(MAKE) setup DEBS="$(BENCH_DEBS)"
	bench/measure ./udpcam-bench bench/results $(BENCH_LINK)

.PHONY: test-opencv
test-opencv: | build/ ## Test the packages that differ in the OpenCV build
	$(GOTESTSUM) --jsonfile build/opencv.json -- -tags $(OPENCV_TAGS) $(OPENCV_PKGS)
	$(GOTESTSUM) --jsonfile build/opencv-e2e.json -- -tags $(OPENCV_TAGS) -run '^TestE2EOpenCV' ./cmd/udpcam

# Two machines run at a time, because these tests mostly wait. But bench measures, so its machine runs alone.
.PHONY: lab
lab: | build/ ## Run the tests that need netem or V4L2, on a Debian kernel under qemu: see bench/lab
	CGO_ENABLED=0 go build -o build/lab/ ./cmd/udpcam ./cmd/udpcam-bench
	CGO_ENABLED=0 go test -c -o build/lab/ $(LAB_PKGS)
	@printf '%s\n' $(filter-out ./bench,$(LAB_PKGS)) | xargs -P 2 -I {} $(MAKE) lab-package PACKAGE={}
	@$(MAKE) lab-package PACKAGE=./bench

.PHONY: lab-package
lab-package:
	@UDPCAM_TEST_BINARY=$(CURDIR)/build/lab/udpcam $(GOTESTSUM) --jsonfile build/lab-$(notdir $(PACKAGE)).json --raw-command \
		bash -o pipefail -c "cd $(PACKAGE) && $(CURDIR)/bench/lab/lab -t 600 \
			$(CURDIR)/build/lab/$(notdir $(PACKAGE)).test -test.v=test2json -test.run '^TestLab' | \
			go tool test2json -t -p $$(go list -m)/$(PACKAGE:./%=%)"

# When an input reaches something new, go test first tries to make it smaller, and these tries count. By itself it tries for
# up to a minute, and leaves hardly any inputs for what is new. Ten tries will do.
.PHONY: fuzz
fuzz: ## Give each fuzz target FUZZTIME (4000x) inputs
	@grep -rEo --include='*_test.go' '^func Fuzz\w+' . | while IFS=: read -r file func; do \
		tags=$$(grep -q '^//go:build gocv' $$file && echo $(OPENCV_TAGS) || true); \
		echo "$$(dirname $$file) $${func#func }"; \
		go test -tags "$$tags" -run '^$$' -fuzz "^$${func#func }\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$(dirname $$file); \
	done

.PHONY: format
format: ## Check that gofmt would change nothing
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }

.PHONY: lint
lint: format ## Check with gofmt, go vet and staticcheck, and with OpenCV the packages that have code for it
	go vet ./...
	go vet -tags $(OPENCV_TAGS) $(OPENCV_PKGS)
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags $(OPENCV_TAGS) $(OPENCV_PKGS)

# A machine without a way to the database passes. One that reaches it must not call anything that is known to be vulnerable.
.PHONY: vulns
vulns: ## Check that no code with a known vulnerability is called, if the database of these can be reached
	@if said=$$($(GOVULNCHECK) -db $(VULNDB) ./... 2>&1); then \
		echo "$$said" | head -1; \
	elif grep -qE 'fetching vulnerabilities: (Get|HTTP)' <<<"$$said"; then \
		echo "not checked for vulnerabilities: $(VULNDB) cannot be reached, or does not answer"; \
	else \
		echo "$$said"; exit 1; \
	fi

.PHONY: cross
cross: ## Build for the other systems, into build/
	@for platform in $(PLATFORMS); do \
		echo $$platform; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} go build -trimpath -o build/$$platform/ ./cmd/udpcam ./cmd/udpcam-bench; \
	done

.PHONY: emulated
emulated: cross ## Test the builds for ARM end to end, by qemu
	@for machine in aarch64:arm64 arm:arm; do \
		wrapper=build/linux/$${machine#*:}/emulated; \
		printf '#!/bin/sh\nexec qemu-%s-static "$${0%%emulated}udpcam" "$$@"\n' $${machine%:*} >$$wrapper; \
		chmod +x $$wrapper; \
		$$wrapper doctor >/dev/null; \
		UDPCAM_TEST_BINARY=$(CURDIR)/$$wrapper $(GOTESTSUM) -- -count=1 -run '^TestE2E(Pipe|JSON|CtrlC)$$' ./cmd/udpcam; \
	done

.PHONY: units
units: build | build/ ## Check the service by systemd's own rules
	@rm -rf build/units && mkdir build/units
	@for unit in cmd/udpcam/dist/*.service; do sed 's#@BINDIR@#$(CURDIR)#' $$unit >build/units/$$(basename $$unit); done
	@said=$$(SYSTEMD_UNIT_PATH=$(CURDIR)/build/units: systemd-analyze verify --man=no udpcam.service udpcam-hub.service 2>&1) && \
		test -z "$$said" || { echo "$$said"; exit 1; }

.PHONY: packages
packages: deb ## Check that the Debian packages hold all that they should, and that their programs run
	@for machine in amd64:x86_64 arm64:aarch64 armhf:arm; do \
		deb=build/deb/udpcam_$(DEB_VERSION)_$${machine%:*}.deb root=build/deb/$${machine%:*}; \
		dpkg-deb -R $$deb $$root; \
		sh -n $$root/DEBIAN/postinst; \
		qemu-$${machine#*:}-static $$root/usr/bin/udpcam --version | grep -F '$(VERSION)'; \
		for file in $(DEB_FILES); do test -s $$root/usr/$$file || { echo "$$deb lacks $$file"; exit 1; }; done; \
	done

.PHONY: setup
setup: ## Install the Debian packages that are missing; without root, say which those are
	@missing=(); \
	for deb in $(DEBS); do \
		[[ $$(dpkg-query -W -f '$${db:Status-Status}' $$deb 2>/dev/null) == installed ]] || missing+=($$deb); \
	done; \
	if (( $${#missing[@]} == 0 )); then exit; fi; \
	install="apt-get install -y --no-install-recommends $${missing[*]}"; \
	if ! command -v apt-get >/dev/null; then \
		echo "not Debian: please see to it that this machine has what these packages hold: $${missing[*]}"; exit 1; \
	elif (( EUID != 0 )); then \
		echo "missing, please install: sudo $$install"; exit 1; \
	fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -q; \
	$$install

# A test that finds no ffmpeg is skipped, so that `go test ./...` passes anywhere. Here each test must have run in one step.
.PHONY: no-skips
no-skips:
	@tests() { grep -h "\"Action\":\"$$1\"" build/*.json | grep -Eo '"Package":"[^"]+","Test":"[^"]+' | cut -d '"' -f 4,8 --output-delimiter . | sort -u; }; \
	forbidden=$$(comm -23 <(tests skip) <(tests pass) | grep -Ev '$(MAY_SKIP)' || true); \
	test -z "$$forbidden" || { echo "skipped, but must run here:" $$forbidden; exit 1; }

build/:
	@mkdir -p $@

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf udpcam udpcam-bench build

# An import stands on a line of its own, also in the samples of comments.
.PHONY: rename
rename: ## Give the module another path: make rename MODULE=example.org/you/udpcam
	@test -n "$(MODULE)" || { echo "which path? make rename MODULE=example.org/you/udpcam"; exit 1; }
	@export OLD=$$(go list -m) NEW="$(MODULE)"; \
	go mod edit -module "$$NEW"; \
	grep -rl --include='*.go' "\"$$OLD/" . | xargs perl -pi -e \
		's{^((?://)?\s*(?:import )?(?:[.\w]+ )?")\Q$$ENV{OLD}\E(/[^"]*"(?:\s*//.*)?)$$}{$$1$$ENV{NEW}$$2}'; \
	find . -name '*.md' -not -path './build/*' | xargs perl -pi -e \
		's{(`|"|go doc |go doc -all )\Q$$ENV{OLD}\E(/sender|/receiver|/protocol)}{$$1$$ENV{NEW}$$2}g'; \
	gofmt -w .
	go build ./...
