// SPDX-License-Identifier: Apache-2.0

/*
 * The glibc names that a distribution's libseccomp.a asks for and musl lacks.
 *
 * Distributions compile libseccomp.a with _FORTIFY_SOURCE, which turns a call of fprintf into a call of glibc's
 * __fprintf_chk. musl has no such entry points. They are thin: the flag only chooses how strictly glibc looks at %n in
 * a writable format, and libseccomp's formats are all literals.
 *
 * Compiled into the copy of libseccomp.a that kist links (see sysroot.sh). It is the only C code in the kist binary
 * besides libseccomp itself; what runs inside containers is libcontainer/nsexec and does not use it.
 */
#include <stdarg.h>
#include <stdio.h>

int __fprintf_chk(FILE *stream, int flag, const char *format, ...);

int __fprintf_chk(FILE *stream, int flag, const char *format, ...)
{
	va_list args;
	int n;

	(void)flag;
	va_start(args, format);
	n = vfprintf(stream, format, args);
	va_end(args);
	return n;
}
