// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
	"github.com/urfave/cli/v2"

	"kist/libcontainer/compile"
	"kist/libcontainer/criu"
	"kist/libcontainer/host"
	"kist/seccomp"
)

func featuresCommand() *cli.Command {
	return &cli.Command{
		Name:         "features",
		Usage:        "print what this kist supports, as JSON",
		ArgsUsage:    " ",
		Description:  `Prints the features document of the runtime specification.`,
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 0, 0); err != nil {
				return err
			}
			e := json.NewEncoder(os.Stdout)
			e.SetIndent("", "    ")
			return e.Encode(supported())
		},
	}
}

// supported is made of the tables that the code itself works with.
func supported() *features.Features {
	yes, withSeccomp := true, seccomp.Supported
	f := &features.Features{
		OCIVersionMin: "1.0.0",
		OCIVersionMax: specs.Version,
		Hooks:         []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"},
		MountOptions:  compile.MountOptionNames(),
		Linux: &features.Linux{
			Namespaces:   compile.NamespaceNames(),
			Capabilities: compile.CapabilityNames(host.LastCap()),
			Cgroup:       &features.Cgroup{V1: &yes, V2: &yes, Systemd: &yes, SystemdUser: &yes, Rdma: &yes},
			Seccomp: &features.Seccomp{
				Enabled:        &withSeccomp,
				Actions:        seccomp.Actions(),
				Operators:      seccomp.Operators(),
				Archs:          seccomp.Archs(),
				KnownFlags:     seccomp.KnownFlags(),
				SupportedFlags: seccomp.SupportedFlags(),
			},
			Apparmor:        &features.Apparmor{Enabled: &yes},
			Selinux:         &features.Selinux{Enabled: &yes},
			IntelRdt:        &features.IntelRdt{Enabled: &yes, Schemata: &yes, Monitoring: &yes},
			MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: &yes}},
			NetDevices:      &features.NetDevices{Enabled: &yes},
			MemoryPolicy:    memoryPolicyFeatures(),
		},
		Annotations: map[string]string{
			"io.kist.version": version,
			"io.kist.commit":  commit,
			"org.opencontainers.runc.checkpoint.enabled": strconv.FormatBool(withCRIU()),
		},
		PotentiallyUnsafeConfigAnnotations: []string{"org.systemd.property.", "io.kist.lxc."},
	}
	return f
}

// withCRIU says whether checkpoint and restore find the CRIU that they need.
func withCRIU() bool {
	_, err := criu.Find()
	return err == nil
}

func memoryPolicyFeatures() *features.MemoryPolicy {
	m := &features.MemoryPolicy{}
	for _, mode := range compile.MemoryPolicyModes {
		m.Modes = append(m.Modes, string(mode))
	}
	for _, flag := range compile.MemoryPolicyFlags {
		m.Flags = append(m.Flags, string(flag))
	}
	return m
}
