// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"kist/libcontainer/console"
)

// giveConsole passes the terminal's master to the engine, or to whoever runs
// in the foreground.
func (c *creation) giveConsole(master int) error {
	return giveMaster(c.console, master, c.Console)
}

func giveMaster(conn, master int, foreground func(int) error) error {
	if conn < 0 {
		if foreground == nil {
			unix.Close(master)
			return fmt.Errorf("nobody takes the terminal")
		}
		return foreground(master)
	}
	defer unix.Close(master)
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("terminal: TIOCGPTN: %w", err)
	}
	return console.SendMaster(conn, master, "/dev/pts/"+strconv.Itoa(n))
}
