// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// LXC's hooks are shell command lines, run as
//
//	/bin/sh -c "exec COMMAND 'NAME' 'lxc' 'TYPE'"     version 0
//	/bin/sh -c "exec COMMAND"                         version 1
//
// with the LXC_* variables in their environment. As OCI hooks they call kist
// back, so that they behave so under every runtime:
//
//	path: KIST
//	args: [kist, lxc-hook, --hook-version, 0|1, --, TYPE, NAME, COMMAND]
//	env:  PATH, LXC_NAME, LXC_CONFIG_FILE, LXC_ROOTFS_MOUNT, LXC_ROOTFS_PATH, …
//
// `kist lxc-hook` reads the state from stdin, adds LXC_PID (start-host only) and,
// in version 1, LXC_HOOK_TYPE and LXC_HOOK_SECTION, then runs the shell line with
// stdin from /dev/null. A failure is its exit status, except for the types stop
// and post-stop, whose failure is printed and otherwise ignored.
//
// The start hook runs inside the container, where there is no kist: its path is
// the container's /bin/sh, with the same line.
//
//	type        where
//	pre-start   AnnotationHooks, preStart: OCI has nothing before create
//	pre-mount   AnnotationHooks, preMount
//	start-host  hooks.createRuntime, after the network's
//	mount       hooks.createContainer
//	autodev     hooks.createContainer, after those of mount
//	start       hooks.startContainer
//	stop        hooks.poststop, before those of post-stop
//	post-stop   hooks.poststop, after the network's

// hookPath is the PATH of hooks. Under LXC it is that of whoever starts the
// container; OCI hooks have no caller.
const hookPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (t *translation) translateHooks() error {
	version := "0"
	if s := t.last("lxc.hook.version"); s != nil {
		version = s.Value
		s.entry.keep()
	}
	host := t.hookEnvironment(version)
	child, err := t.environment("lxc.environment", "lxc.environment.hooks")
	if err != nil {
		return err
	}
	t.keep("lxc.environment.hooks")
	inside := append(append([]string{}, host...), child...)

	hooks := t.hooks()
	early := EarlyHooks{
		PreStart: t.hookList("pre-start", version, host),
		PreMount: t.hookList("pre-mount", version, inside),
	}
	if len(early.PreStart)+len(early.PreMount) > 0 {
		t.annotateJSON(AnnotationHooks, early)
	}
	hooks.CreateRuntime = append(hooks.CreateRuntime, t.hookList("start-host", version, host)...)
	hooks.CreateContainer = append(hooks.CreateContainer, t.hookList("mount", version, inside)...)
	if t.autodev() {
		hooks.CreateContainer = append(hooks.CreateContainer, t.hookList("autodev", version, inside)...)
	} else {
		for _, s := range t.live("lxc.hook.autodev") {
			s.entry.say(Exact, "not run, as in LXC without lxc.autodev")
		}
	}
	for _, s := range t.live("lxc.hook.start") {
		h := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", HookLine(version, s.Value, t.name, "start")}, Env: inside}
		if version == "1" {
			h.Env = append(append([]string{}, inside...), "LXC_HOOK_TYPE=start", "LXC_HOOK_SECTION=lxc")
		}
		hooks.StartContainer = append(hooks.StartContainer, h)
		s.entry.keep()
	}
	stopped := append(append([]string{}, host...), "LXC_TARGET=stop")
	hooks.Poststop = append(hooks.Poststop, t.hookList("stop", version, stopped)...)
	hooks.Poststop = append(hooks.Poststop, t.hookList("post-stop", version, stopped)...)
	return nil
}

// hooks returns the bundle's hooks, made on first use.
func (t *translation) hooks() *specs.Hooks {
	if t.spec.Hooks == nil {
		t.spec.Hooks = &specs.Hooks{}
	}
	return t.spec.Hooks
}

// hookList makes the OCI hooks of one type.
func (t *translation) hookList(kind, version string, env []string) []specs.Hook {
	var out []specs.Hook
	for _, s := range t.live("lxc.hook." + kind) {
		out = append(out, specs.Hook{
			Path: t.Kist,
			Args: []string{"kist", "lxc-hook", "--hook-version", version, "--", kind, t.name, s.Value},
			Env:  env,
		})
		s.entry.keep()
	}
	return out
}

// HookLine is what LXC gives to the shell for a hook of the section lxc. The exec
// in front means that nothing behind the first `;` or `&&` of command runs, which
// real configurations work around and some rely on.
func HookLine(version, command, name, kind string) string {
	line := "exec " + command
	if version == "0" {
		line += " '" + name + "' 'lxc' '" + kind + "'"
	}
	return line
}

// hookEnvironment is the set of variables every hook sees.
func (t *translation) hookEnvironment(version string) []string {
	env := []string{hookPath, "LXC_NAME=" + t.name, "LXC_CONFIG_FILE=" + t.config, "LXC_ROOTFS_MOUNT=" + t.rootInBundle()}
	if s := t.last("lxc.rootfs.path"); s != nil {
		env = append(env, "LXC_ROOTFS_PATH="+s.Value)
	}
	if s := t.last("lxc.console.path"); s != nil {
		env = append(env, "LXC_CONSOLE="+s.Value)
	}
	if s := t.last("lxc.console.logfile"); s != nil {
		env = append(env, "LXC_CONSOLE_LOGPATH="+s.Value)
	}
	if t.version.atLeast(2, 0, 0) {
		env = append(env, "LXC_CGNS_AWARE=1", "LXC_LOG_LEVEL="+strings.ToUpper(t.value("lxc.log.level", "ERROR")))
	}
	if t.version.atLeast(3, 0, 0) {
		env = append(env, "LXC_HOOK_VERSION="+version)
	}
	return env
}

// rootInBundle is the root filesystem as hooks on the host see it.
func (t *translation) rootInBundle() string {
	if filepath.IsAbs(t.spec.Root.Path) || t.Bundle == "" {
		return t.spec.Root.Path
	}
	return filepath.Join(t.Bundle, t.spec.Root.Path)
}
