// SPDX-License-Identifier: Apache-2.0

package program

import "golang.org/x/sys/unix"

// Tolerate makes everything from instruction begin on optional: whatever goes
// wrong there leads on to l, and what had an answer to some errors has it to
// all. Closing is left alone, since it cannot fail for what is open.
func (b *Builder) Tolerate(begin int, l *Label) {
	for i := begin; i < len(b.insns); i++ {
		in := &b.insns[i]
		if in.Op != OpCheck && (in.Op != OpSyscall || in.Nr == unix.SYS_CLOSE) {
			continue
		}
		if in.Errs[0] != 0 {
			in.Errs = [MaxErrs]uint8{AnyErr}
			continue
		}
		in.Errs[0] = AnyErr
		b.use(l, i)
	}
}
