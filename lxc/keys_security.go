// SPDX-License-Identifier: Apache-2.0

package lxc

func securityRows() []row {
	return []row{
		{"lxc.cap.drop 0.6.5-", list, Exact, checkCapsDrop,
			"capabilities removed from the bounding set", "process.capabilities: all others"},
		{"lxc.cap.keep 1.0-", list, Exact, checkCapsKeep,
			"the only capabilities left in the bounding set; none keeps nothing", "process.capabilities"},
		{"lxc.no_new_privs 2.1-", scalar, Exact, checkBool,
			"set-uid bits and file capabilities lose their effect", "process.noNewPrivileges"},
		{"lxc.apparmor.profile 2.1-, lxc.aa_profile 0.8-2.1", scalar, Exact, nil,
			"AppArmor profile; unconfined, unchanged, or generated for a profile made for this container",
			"process.apparmorProfile"},
		{"lxc.apparmor.allow_incomplete 2.1-, lxc.aa_allow_incomplete 1.1-2.1", scalar, Exact, checkBool,
			"1: start although the kernel's AppArmor lacks mount rules", "nothing to do: kist applies what the kernel has"},
		{"lxc.apparmor.allow_nesting 3.1-", scalar, Extension, checkBool,
			"1: a generated profile allows containers inside the container, and hidden proc and sys mounts help them",
			"annotation for the generated profile, and the two mounts"},
		{"lxc.apparmor.raw 3.1-", list, Extension, nil,
			"rule lines appended to a generated profile", "annotation for the generated profile"},
		{"lxc.selinux.context 2.1-, lxc.se_context 1.0-2.1", scalar, Exact, nil,
			"SELinux context of the first process; unconfined_t leaves it alone", "process.selinuxLabel"},
		{"lxc.selinux.context.keyring 4.0-", scalar, Extension, checkNonEmpty,
			"SELinux context of the session keyring", "annotation: kist labels the keyring"},
		{"lxc.keyring.session 4.0-", scalar, Exact, checkBool,
			"1: no session keyring is made (the manual says the opposite of the code)",
			"a new session keyring, which runtimes make by default"},
		{"lxc.seccomp.profile 2.1-, lxc.seccomp 0.9-2.1", scalar, Exact, checkNonEmpty,
			"file with the system call policy, format 1 or 2", "linux.seccomp"},
		{"lxc.seccomp.allow_nesting 3.2-", scalar, Exact, checkBool,
			"1: load the policy even if the caller already has a filter; 0 skips it then",
			"nothing to do: the filter is always loaded"},
		{"lxc.seccomp.notify.proxy 3.2-", scalar, Approximated, checkNotifyProxy,
			"socket that answers the policy's notify actions, one message for each request",
			"linux.seccomp.listenerPath: the listener is sent once as a file descriptor, and the program behind the socket must read requests from it"},
		{"lxc.seccomp.notify.cookie 3.2-", scalar, Exact, nil,
			"text sent along with the requests", "linux.seccomp.listenerMetadata"},
		{"lxc.idmap 2.1-, lxc.id_map 0.9-2.1", list, Exact, checkIDMap,
			"u|g, id inside, id outside, count: a user namespace with these maps",
			"user namespace, linux.uidMappings and linux.gidMappings"},
	}
}

func namespaceRows() []row {
	return []row{
		{"lxc.namespace.clone 3.0-", list, Exact, checkNamespaces,
			"only these namespaces are new", "linux.namespaces"},
		{"lxc.namespace.keep 3.0-", list, Exact, checkNamespaces,
			"these namespaces stay the host's", "linux.namespaces without them"},
		{"lxc.namespace.share.* 3.0-", family, Exact, checkNamespaceShare,
			"join the namespace of a process, a container or a file", "linux.namespaces with a path"},
	}
}

func cgroupRows() []row {
	return []row{
		{"lxc.cgroup2.devices.allow 3.0-", list, Exact, checkDeviceRule,
			"device rule of the unified hierarchy, compiled to BPF; any rule at all starts from deny", "linux.resources.devices"},
		{"lxc.cgroup2.devices.deny 3.0-", list, Exact, checkDeviceRule,
			"device rule of the unified hierarchy; inert unless `allow = a` came first", "linux.resources.devices"},
		{"lxc.cgroup2.* 3.0-", familyList, Exact, checkCgroupFile,
			"text written to the file of the container's cgroup on the unified hierarchy", "linux.resources.unified"},
		{"lxc.cgroup.devices.allow 0.4-6.99", list, Exact, checkDeviceRule,
			"rule written to devices.allow of the v1 hierarchy, in order", "linux.resources.devices"},
		{"lxc.cgroup.devices.deny 0.4-6.99", list, Exact, checkDeviceRule,
			"rule written to devices.deny of the v1 hierarchy, in order", "linux.resources.devices"},
		{"lxc.cgroup.dir 2.1-", scalar, Exact, checkCgroupDir,
			"directory below which the container's cgroup is made", "linux.cgroupsPath"},
		{"lxc.cgroup.dir.container 5.0-", scalar, Exact, checkCgroupDir,
			"path of the container's cgroup", "linux.cgroupsPath"},
		{"lxc.cgroup.dir.container.inner 5.0-", scalar, Extension, checkCgroupInner,
			"the processes live one level below the cgroup that carries the limits", "annotation: kist makes the inner cgroup"},
		{"lxc.cgroup.dir.monitor 5.0-", scalar, HostSide, checkCgroupDir,
			"cgroup of LXC's monitor process", "kist has no monitor process"},
		{"lxc.cgroup.dir.monitor.pivot 5.0-", scalar, HostSide, checkCgroupDir,
			"cgroup the monitor moves to at the end", "kist has no monitor process"},
		{"lxc.cgroup.relative 3.1-", scalar, Exact, checkBool,
			"1: the container's cgroup is below the caller's instead of the root", "linux.cgroupsPath from the root"},
		{"lxc.cgroup.* 0.4-6.99", familyList, Exact, checkCgroupFile,
			"text written to the file of the container's cgroup on the v1 hierarchies", "linux.resources"},
	}
}

func hookRows() []row {
	return []row{
		{"lxc.hook.version 3.0-", scalar, Exact, checkHookVersion,
			"0: hooks get arguments; 1: they get environment variables", "how the generated hooks call the command"},
		{"lxc.hook.pre-start 0.8-", list, Extension, nil,
			"runs on the host before anything of the container exists",
			"annotation: kist runs it before create does anything; OCI has no hook so early"},
		{"lxc.hook.pre-mount 0.9-", list, Extension, nil,
			"runs in the container's namespaces before its root filesystem is mounted",
			"annotation: kist runs it in the container's mount namespace first of all"},
		{"lxc.hook.mount 0.8-", list, Exact, nil,
			"runs in the container's namespaces after all mounts, before the root is entered", "hooks.createContainer"},
		{"lxc.hook.autodev 0.9-", list, Approximated, nil,
			"runs with lxc.autodev, when /dev is mounted and before the device nodes are made",
			"hooks.createContainer: the standard nodes exist already when it runs"},
		{"lxc.hook.start-host 3.0-", list, Approximated, nil,
			"runs on the host when the container is ready to execute its first process",
			"hooks.createRuntime: the namespaces exist, the root has not been entered yet"},
		{"lxc.hook.start 0.8-", list, Approximated, nil,
			"runs in the container just before its first process, confined like it",
			"hooks.startContainer: OCI leaves open whether label and filter apply to it already"},
		{"lxc.hook.stop 2.0-", list, Approximated, nil,
			"runs on the host with the dead container's namespaces still open",
			"hooks.poststop: the namespaces are gone by then"},
		{"lxc.hook.post-stop 0.8-", list, Exact, nil,
			"runs on the host after the container is gone", "hooks.poststop"},
		{"lxc.hook.clone 1.0-", list, HostSide, nil,
			"runs when lxc-copy clones the container", "run it yourself after copying a root filesystem"},
		{"lxc.hook.destroy 2.0-", list, HostSide, nil,
			"runs when lxc-destroy removes the container", "run it yourself before removing the root filesystem"},
		{"lxc.hook 1.1-", clearAll, Exact, checkEmpty, "clears all hooks", "clears all hooks"},
	}
}

func managementRows() []row {
	autostart := "write a systemd unit for the container (docs/lxc-migration.md has one)"
	return []row{
		{"lxc.include 0.9-", list, Exact, nil,
			"reads another file, or every *.conf of a directory, in place", "read in place"},
		{"lxc.group 1.0-", list, HostSide, nil, "groups for lxc-autostart and lxc-ls", autostart},
		{"lxc.start.auto 1.0-", scalar, HostSide, checkBool, "1: lxc-autostart starts the container at boot", autostart},
		{"lxc.start.delay 1.0-", scalar, HostSide, checkCount, "seconds lxc-autostart waits after starting it", autostart},
		{"lxc.start.order 1.0-", scalar, HostSide, checkInteger, "position in lxc-autostart's order, lower first", autostart},
		{"lxc.monitor.unshare 2.0-", scalar, HostSide, checkBool,
			"1: the monitor has its own mount namespace before pre-start hooks run",
			"start kist under `unshare -m`, or with PrivateMounts= in its systemd unit"},
		{"lxc.monitor.signal.pdeath 3.1-", scalar, HostSide, checkSignal,
			"signal for the container when its monitor dies", "kist has no monitor process; the unit that runs it decides (KillMode=)"},
		{"lxc.log.level 2.1-, lxc.loglevel 0.9-2.1", scalar, HostSide, checkLogLevel,
			"what LXC's monitor logs", "`kist --debug` and `--log-format`"},
		{"lxc.log.file 2.1-, lxc.logfile 0.9-2.1", scalar, HostSide, nil,
			"file LXC's monitor logs to", "`kist --log FILE`"},
		{"lxc.log.syslog 2.1-, lxc.syslog 2.1-2.1", scalar, HostSide, checkSyslog,
			"facility LXC's monitor logs to as well", "run kist from a systemd unit: its messages go to the journal"},
	}
}
