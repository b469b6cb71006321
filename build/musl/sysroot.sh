#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# sysroot.sh ARCH DIR: what the static link of kist needs besides the Go toolchain, in DIR.
#
#   DIR/cc             compiler driver: the distribution's gcc with musl's start files, headers and libc
#   DIR/include        libseccomp's and the kernel's headers, and nothing of glibc's
#   DIR/lib            libseccomp.a, completed for musl
#   DIR/libseccomp.pc  so that cgo's "pkg-config: libseccomp" finds these and not the system's
#
# Why musl: a static glibc program spends more time in its own start (locale, IRELATIVE relocations, TLS set-up, thread
# creation) than kist needs for a whole `state` command. Why not build libseccomp: the distribution maintains it.
#
# ARCH is Go's name (amd64, arm64). An ARCH other than the machine's is cross-compiled with Debian's multiarch packages.
set -eu

if [ $# -ne 2 ]; then
	echo "usage: $0 ARCH DIR" >&2
	exit 2
fi
arch=$1
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)

case $arch in
amd64) gnu=x86_64-linux-gnu musl=x86_64-linux-musl ;;
arm64) gnu=aarch64-linux-gnu musl=aarch64-linux-musl ;;
*)
	echo "$0: $arch: no recipe for this architecture (amd64, arm64)" >&2
	exit 1
	;;
esac

# need FILE PACKAGE: refuse early, with what to install.
need() {
	[ -e "$1" ] && return
	echo "$0: $1: not found; install the package $2 (build/deps.sh does)" >&2
	exit 1
}

gcc=$gnu-gcc
if ! command -v "$gcc" >/dev/null; then
	echo "$0: $gcc: not found; install the package gcc-$(echo $gnu | tr _ -) (build/deps.sh does)" >&2
	exit 1
fi
specs=/usr/lib/$musl/musl-gcc.specs
need "$specs" "musl-dev:$arch"
archive=${LIBSECCOMP_A:-/usr/lib/$gnu/libseccomp.a}
need "$archive" "libseccomp-dev:$arch"
headers=${LIBSECCOMP_INCLUDE:-/usr/include}
need "$headers/seccomp.h" "libseccomp-dev:$arch"
# The kernel's headers: asm/ is per architecture, linux/ and asm-generic/ are not.
kernel=/usr/include/$gnu
[ -e "$kernel/asm/unistd.h" ] || kernel=/usr/$gnu/include
need "$kernel/asm/unistd.h" "linux-libc-dev:$arch"

# Made beside the target and renamed, so that an interrupted run leaves nothing that looks complete.
rm -rf "$2" "$2.new"
mkdir -p "$2.new/include" "$2.new/lib"
dir=$(CDPATH='' cd "$2.new" && pwd)
final=$(dirname "$dir")/$(basename "$2")

ln -s "$headers/seccomp.h" "$headers/seccomp-syscalls.h" "$dir/include/"
ln -s "$kernel/asm" "$dir/include/asm"
ln -s /usr/include/asm-generic /usr/include/linux "$dir/include/"

cat >"$dir/cc" <<END
#!/bin/sh
exec $gcc "\$@" -specs $specs
END
chmod 755 "$dir/cc"

"$dir/cc" -std=c11 -O2 -Wall -Wextra -Werror -ffile-prefix-map="$here"=. -c "$here/fortify.c" -o "$dir/lib/fortify.o"
# One archive, because a second one would have to come after -lseccomp on a command line that cgo puts together.
$gnu-ar -M <<END
CREATE $dir/lib/libseccomp.a
ADDLIB $archive
ADDMOD $dir/lib/fortify.o
SAVE
END
rm "$dir/lib/fortify.o"

macro() { sed -n "s/^#define[[:space:]]*$1[[:space:]]*\([0-9][0-9]*\).*/\1/p" "$headers/seccomp.h"; }
version=$(macro SCMP_VER_MAJOR).$(macro SCMP_VER_MINOR).$(macro SCMP_VER_MICRO)
cat >"$dir/libseccomp.pc" <<END
Name: libseccomp
Description: libseccomp for a static link with musl
Version: $version
Cflags: -I$final/include
Libs: -L$final/lib -lseccomp
END

mv "$dir" "$final"
