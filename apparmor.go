// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/urfave/cli/v2"

	"kist/apparmor"
)

func apparmorCommand() *cli.Command {
	return &cli.Command{
		Name:      "apparmor",
		Usage:     "load, unload or show AppArmor profiles",
		ArgsUsage: "load|unload|status|show",
		Description: `load compiles a profile and loads it into the kernel; unload takes it out again; status
says whether AppArmor is on and who is confined by the profile; show prints its text.
The profile is kist-default, or one that was generated for an imported LXC container.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "profile", Value: apparmor.DefaultName, Usage: "`NAME` of the profile"},
		},
		OnUsageError: usageError,
		Action:       apparmorAction,
	}
}

func apparmorAction(c *cli.Context) error {
	if err := needArgs(c, 1, 1); err != nil {
		return err
	}
	var do func(io.Writer, apparmor.Host, string) error
	switch verb := c.Args().First(); verb {
	case "load":
		do = apparmorLoad
	case "unload":
		do = apparmorUnload
	case "status":
		do = apparmorStatus
	case "show":
		do = apparmorShow
	default:
		return fmt.Errorf("kist apparmor: %q: want load, unload, status or show", verb)
	}
	return do(c.App.Writer, apparmor.Host{}, c.String("profile"))
}

// profileText finds the text of a profile that kist knows.
func profileText(h apparmor.Host, name string) (string, error) {
	if name == apparmor.DefaultName {
		return apparmor.Default(h.Dialect()), nil
	}
	text, err := h.GeneratedText(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("--profile %s: not one that kist brings or has generated (kist-default, or lxc-… of an imported container); aa-status lists all profiles", name)
	}
	return text, err
}

func apparmorLoad(w io.Writer, h apparmor.Host, name string) error {
	text, err := profileText(h, name)
	if err != nil {
		return err
	}
	if err := h.Ready(); err != nil {
		return err
	}
	from := "as it was generated"
	if name == apparmor.DefaultName {
		from, err = h.LoadDefault()
	} else {
		err = h.LoadText(name, text)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s: loaded (%s)\n", name, from)
	return err
}

func apparmorUnload(w io.Writer, h apparmor.Host, name string) error {
	if err := h.Removable(); err != nil {
		return err
	}
	if err := h.Check(name); errors.Is(err, apparmor.ErrNotLoaded) {
		_, err = fmt.Fprintf(w, "%s: was not loaded\n", name)
		return err
	}
	if err := h.Unload(name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: unloaded\n", name)
	return err
}

func apparmorShow(w io.Writer, h apparmor.Host, name string) error {
	text, err := profileText(h, name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// apparmorStatus prints what there is, a line each; the exit status is 1 if a
// process could not be confined by the profile now.
func apparmorStatus(w io.Writer, h apparmor.Host, name string) error {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s "+format+"\n", append([]any{what + ":"}, args...)...)
	}
	loaded := false
	if !h.Enabled() {
		line("AppArmor", "off (boot with apparmor=1 security=apparmor, if the kernel has it)")
	} else {
		line("AppArmor", "on%s", map[bool]string{true: ", profiles can be stacked"}[h.Stacks()])
		if label, err := h.Label(); err == nil {
			line("kist", "runs as %s", label)
		}
		loaded = statusLoaded(line, h, name)
	}
	if path, err := h.Parser(); err != nil {
		line("parser", "%v", err)
	} else {
		line("parser", "%s", path)
	}
	if is, same := h.Installed(); name == apparmor.DefaultName && is {
		line("installed", "%s/%s%s", apparmor.PolicyDir, name, map[bool]string{false: ", changed from what this kist brings"}[same])
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	if !loaded {
		return &exitError{status: 1}
	}
	return nil
}

// statusLoaded is the part about the profile in the kernel.
func statusLoaded(line func(what, format string, args ...any), h apparmor.Host, name string) bool {
	if err := h.Check(name); err != nil {
		line("profile", "%s %v", name, err)
		return false
	}
	profiles, err := h.Profiles()
	if err != nil {
		// Whether it is loaded anybody may ask, how only root.
		line("profile", "%s is loaded, if securityfs is mounted (%v)", name, err)
		return h.Mounted()
	}
	for _, p := range profiles {
		if p.Name == name {
			pids, err := h.Processes(name)
			if err != nil {
				line("profile", "%s is loaded, mode %s", name, p.Mode)
			} else {
				line("profile", "%s is loaded, mode %s; it confines %d processes", name, p.Mode, len(pids))
			}
			return true
		}
	}
	line("profile", "%s %v", name, apparmor.ErrNotLoaded)
	return false
}
