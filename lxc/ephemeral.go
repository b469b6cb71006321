// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"path/filepath"
	"strings"
)

// ephemeral recognises a container made by lxc-start-ephemeral. Its pre-mount
// hook is a generated script that mounts a tmpfs for the changes and an overlay,
// in the form of 2012 without a work directory, over the root filesystem; current
// kernels refuse that form. Both mounts become the bundle's root filesystem and
// the hook has nothing left to do.
func (t *translation) ephemeral(s *setting, m *RootfsMount) error {
	hooks := t.live("lxc.hook.pre-mount")
	for i, h := range hooks {
		script := strings.TrimSpace(h.Value)
		if filepath.Base(script) != "pre-mount" || filepath.Dir(script) != filepath.Join(t.lxcPath, t.name) {
			continue
		}
		data, err := t.host.ReadFile(script)
		if err != nil {
			return &Error{File: h.File, Line: h.Line, Key: h.Key, Msg: "hook " + script, Err: cause(err)}
		}
		var tmpfs []string
		var overlay map[string]string
		for _, text := range strings.Split(string(data), "\n") {
			fstype, target, options := mountCommand(text)
			switch fstype {
			case "tmpfs":
				tmpfs = append(tmpfs, target)
			case "overlay", "overlayfs", "aufs":
				if filepath.Clean(target) != m.Source {
					continue
				}
				overlay = options
				if br := options["br"]; fstype == "aufs" && br != "" {
					upper, lower, _ := strings.Cut(br, ":")
					overlay = map[string]string{"upperdir": strings.TrimSuffix(upper, "=rw"), "lowerdir": strings.TrimSuffix(lower, "=ro")}
				}
			}
		}
		if overlay["upperdir"] == "" || overlay["lowerdir"] == "" {
			continue
		}
		upper, work := overlay["upperdir"], filepath.Join(filepath.Dir(overlay["upperdir"]), "work")
		for _, dir := range tmpfs {
			// Upper and work must be on one filesystem, so both move one
			// level down when the upper directory is the tmpfs itself.
			if filepath.Clean(dir) == filepath.Clean(upper) {
				upper, work = filepath.Join(upper, "upper"), filepath.Join(upper, "work")
			}
		}
		*m = RootfsMount{Type: "overlay", Source: "overlay", Tmpfs: tmpfs, Mkdir: []string{upper, work},
			Options: []string{"lowerdir=" + overlay["lowerdir"], "upperdir=" + upper, "workdir=" + work}}
		h.entry.say(Approximated, "replaced: the overlay that this hook of lxc-start-ephemeral mounts is the root filesystem of the bundle; what else the script does (host name files) is not done")
		t.settings[rowOf("lxc.hook.pre-mount")] = append(hooks[:i:i], hooks[i+1:]...)
		s.entry.say(Extension, "the overlay of lxc-start-ephemeral over it")
		return nil
	}
	return nil
}

// mountCommand reads a line of a script that calls mount(8).
func mountCommand(text string) (fstype, target string, options map[string]string) {
	words := strings.Fields(text)
	if len(words) < 3 || words[0] != "mount" && words[0] != "/bin/mount" {
		return "", "", nil
	}
	options = map[string]string{}
	var rest []string
	for i := 1; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "-t" && i+1 < len(words):
			i++
			fstype = words[i]
		case strings.HasPrefix(w, "-t"):
			fstype = w[2:]
		case w == "-o" && i+1 < len(words):
			i++
			addOptions(options, words[i])
		case strings.HasPrefix(w, "-o"):
			addOptions(options, w[2:])
		case strings.HasPrefix(w, "-"):
		default:
			rest = append(rest, strings.Trim(w, `"'`))
		}
	}
	if len(rest) != 2 {
		return "", "", nil
	}
	return fstype, rest[1], options
}

func addOptions(to map[string]string, s string) {
	for _, o := range strings.Split(strings.Trim(s, `"'`), ",") {
		name, value, _ := strings.Cut(o, "=")
		to[name] = value
	}
}
