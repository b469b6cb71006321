# SPDX-License-Identifier: Apache-2.0
#
# make            the static binary ./kist for this machine
# make arm64      build/out/kist-arm64, cross-compiled
# make install    binary, manual pages and shell completions below DESTDIR/PREFIX, the AppArmor profile in DESTDIR/etc
# make test       everything in tests/ that this machine can run (as root)
# make test-vm    the tests that need a system of their own, in a virtual machine [TESTS="SUITE FILE.bats ..."]
# make bench      kist beside the other runtimes that are installed; make bench-engines: through Docker, containerd, Podman
# make demo       a short tour
# make lint       formatting, vet, shell scripts
# make deps       install what the targets need (GROUPS: build test bench lint arm64)

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
DESTDIR ?=
GROUPS  ?= build test

GO      ?= go
INSTALL ?= install

HOSTARCH := $(shell $(GO) env GOHOSTARCH)
ARCH     ?= $(HOSTARCH)
OUT      ?= $(if $(filter $(ARCH),$(HOSTARCH)),kist,build/out/kist-$(ARCH))

VERSION  := $(shell cat VERSION)
# "+dirty" when the tree differs from the commit; empty outside a git checkout (release tarballs).
COMMIT   ?= $(shell git describe --always --abbrev=40 --dirty=+dirty --exclude='*' 2>/dev/null)

# urfave_cli_no_docs and _no_suggest leave markdown and fuzzy matching out of the binary.
TAGS    := netgo osusergo seccomp urfave_cli_no_docs urfave_cli_no_suggest
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -linkmode external -extldflags '-static -no-pie'

# cgo with musl; see build/musl/sysroot.sh. Absolute, because cgo runs the compiler in other directories.
SYSROOT := $(CURDIR)/build/cache/$(ARCH)
CGO     := CGO_ENABLED=1 GOOS=linux GOARCH=$(ARCH) CC=$(SYSROOT)/cc PKG_CONFIG_LIBDIR=$(SYSROOT) PKG_CONFIG_PATH=

# The Go tool knows better than make what has changed, so the binary is always handed to it.
.PHONY: all kist nsexec arm64 install uninstall test test-vm bench bench-engines demo lint clean deps

all: kist

kist: nsexec $(SYSROOT)/libseccomp.pc
	$(CGO) $(GO) build -trimpath -buildvcs=false -tags '$(TAGS)' -ldflags "$(LDFLAGS)" -o $(OUT) .

# nsexec is embedded under one name whatever the architecture, so it is made anew when that changes.
NSEXEC_CC_amd64  := x86_64-linux-gnu-gcc
NSEXEC_CC_arm64  := aarch64-linux-gnu-gcc
NSEXEC_MADE_FOR  := build/cache/nsexec.arch

nsexec:
	@mkdir -p build/cache
	$(MAKE) -C libcontainer/nsexec CC=$(NSEXEC_CC_$(ARCH)) $(if $(filter $(ARCH),$(file <$(NSEXEC_MADE_FOR))),,-B)
	$(MAKE) -C libcontainer/reaper CC=$(NSEXEC_CC_$(ARCH)) ARCH=$(ARCH)
	@echo $(ARCH) >$(NSEXEC_MADE_FOR)

# The sources' stamps are those of the installed libseccomp: a new version gives a new sysroot.
$(SYSROOT)/libseccomp.pc: build/musl/sysroot.sh build/musl/fortify.c $(wildcard /usr/include/seccomp.h)
	build/musl/sysroot.sh $(ARCH) $(SYSROOT)

arm64:
	@mkdir -p build/out
	$(MAKE) kist ARCH=arm64
	@# Leave the tree as a plain "go build" needs it.
	$(MAKE) nsexec

install: all
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(DATADIR)/bash-completion/completions \
		$(DESTDIR)$(DATADIR)/zsh/site-functions $(DESTDIR)$(DATADIR)/fish/vendor_completions.d
	$(INSTALL) -m 755 $(OUT) $(DESTDIR)$(BINDIR)/kist
	$(INSTALL) -m 644 man/*.8 $(DESTDIR)$(MANDIR)/man8
	$(INSTALL) -m 644 completions/kist.bash $(DESTDIR)$(DATADIR)/bash-completion/completions/kist
	$(INSTALL) -m 644 completions/_kist $(DESTDIR)$(DATADIR)/zsh/site-functions/_kist
	$(INSTALL) -m 644 completions/kist.fish $(DESTDIR)$(DATADIR)/fish/vendor_completions.d/kist.fish
	$(INSTALL) -d $(DESTDIR)$(SYSCONFDIR)/apparmor.d
	$(INSTALL) -m 644 apparmor/kist-default $(DESTDIR)$(SYSCONFDIR)/apparmor.d/kist-default
	@# At boot the distribution loads it; a staged installation is for another machine, and touches nothing of this one.
	@if [ -z '$(DESTDIR)' ] && grep -qs Y /sys/module/apparmor/parameters/enabled; then \
		$(BINDIR)/kist apparmor load || echo 'kist-default is installed but not loaded' >&2; fi

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/kist $(addprefix $(DESTDIR)$(MANDIR)/man8/,$(notdir $(wildcard man/*.8))) \
		$(DESTDIR)$(DATADIR)/bash-completion/completions/kist $(DESTDIR)$(DATADIR)/zsh/site-functions/_kist \
		$(DESTDIR)$(DATADIR)/fish/vendor_completions.d/kist.fish $(DESTDIR)$(SYSCONFDIR)/apparmor.d/kist-default

# These install what they need first: each is the one command to type on a new machine.
test:
	build/deps.sh build test lint arm64
	$(MAKE) all
	tests/run

test-vm:
	build/deps.sh build vm
	$(MAKE) all
	tests/vm/run $(TESTS)

bench:
	build/deps.sh build bench
	$(MAKE) all
	bench/run

bench-engines:
	build/deps.sh build bench engines
	$(MAKE) all
	bench/run -views engines

demo:
	build/deps.sh build test
	$(MAKE) all
	tests/demo

lint:
	build/deps.sh build lint
	$(MAKE) all
	tests/run lint

clean:
	$(MAKE) -C libcontainer/nsexec clean
	$(MAKE) -C libcontainer/reaper clean
	rm -rf kist build/cache build/out

deps:
	build/deps.sh $(GROUPS)
