// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/program"
	"kist/lxc"
)

// TestLXCGolden shows what an imported container's annotations change in the
// plan of one without them.
func TestLXCGolden(t *testing.T) {
	bind := func(s *specs.Spec, source, dest string, options ...string) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: dest, Type: "bind", Source: source, Options: append([]string{"bind"}, options...)})
	}
	for _, tt := range []struct {
		name        string
		annotations map[string]string
		edit        func(s *specs.Spec, in *Input)
	}{
		{"lxc-imported", map[string]string{lxc.AnnotationVersion: "5.0.2"}, nil},
		{"lxc-terminals", map[string]string{lxc.AnnotationTTYMax: "2", lxc.AnnotationTTYDir: "lxc", lxc.AnnotationKmsg: "true"},
			func(s *specs.Spec, _ *Input) { s.Process.Terminal = true }},
		{"lxc-no-dev", map[string]string{lxc.AnnotationDev: "none"}, func(s *specs.Spec, _ *Input) { s.Process.Terminal = true }},
		{"lxc-boot-id", map[string]string{lxc.AnnotationBootID: "true"}, nil},
		{"lxc-sys-mixed", map[string]string{lxc.AnnotationSysMixed: "true"}, nil},
		{"lxc-rootfs", map[string]string{
			lxc.AnnotationRootfs: `{"type":"overlay","source":"/lower","options":["lowerdir=/lower","upperdir=/upper","workdir=/work"]}`,
			lxc.AnnotationHooks:  `{"preMount":[{"path":"/usr/bin/prepare"}]}`}, nil},
		{"lxc-mounts", map[string]string{
			lxc.AnnotationMounts: `[{"index":7,"optional":true,"noCreate":true},{"index":8,"optional":true},{"index":9,"relative":"/tmp/a"}]`},
			func(s *specs.Spec, _ *Input) {
				s.Mounts = s.Mounts[:7]
				bind(s, "/no/target", "/a")
				bind(s, "/may/be/missing", "/b/c", "ro")
				bind(s, "/bundle/rootfs/tmp/a", "/d")
			}},
		{"lxc-execute", map[string]string{lxc.AnnotationExecute: "true"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, pin := inputs(false, func(*specs.Spec, *Input, *ProcessInput) {})
			if tt.edit != nil {
				tt.edit(in.Spec, in)
			}
			var err error
			if in.LXC, err = ParseLXC(tt.annotations); err != nil {
				t.Fatal(err)
			}
			setup, _, err := Setup(in)
			if err != nil {
				t.Fatal(err)
			}
			for i := range setup.Needs {
				if n := &setup.Needs[i]; n.Kind == program.NeedInit {
					fd := program.Number(n.FD)
					pin.Reaper = &fd
				}
			}
			if pin.Reaper == nil && in.LXC.Execute {
				t.Error("the reaper's image is not asked for")
			}
			tail, err := Process(pin)
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Verify(setup, tail); err != nil {
				t.Errorf("the program is not safe: %v", err)
			}
			var out bytes.Buffer
			for _, p := range []*program.Program{setup, tail} {
				if err := p.Print(&out, program.PrintOptions{SyncName: SyncName}); err != nil {
					t.Fatal(err)
				}
			}
			golden(t, tt.name, out.Bytes())
		})
	}
}

func TestParseLXC(t *testing.T) {
	for _, tt := range []struct {
		name        string
		annotations map[string]string
		want        *LXC
		err         string // part of the error, which names the annotation
	}{
		{"none", map[string]string{"org.example": "x"}, nil, ""},
		{"all of a system container", map[string]string{
			lxc.AnnotationVersion: "2.0.9", lxc.AnnotationConfig: "/c", lxc.AnnotationSignalHalt: "auto",
			lxc.AnnotationTTYMax: "4", lxc.AnnotationTTYDir: "lxc/x", lxc.AnnotationBootID: "true",
			lxc.AnnotationKeyring: "inherit", lxc.AnnotationProcPrefix + "oom_score_adj": "5", lxc.AnnotationSharePrefix + "net": "other",
			lxc.AnnotationConsoleLog: "/var/log/c", lxc.AnnotationConsoleLogSize: "4096",
		}, &LXC{Major: 2, TTYMax: 4, TTYDir: "lxc/x", BootID: PlanBootID, Keyring: true, ConsoleLog: "/var/log/c", LogSize: 4096,
			Proc:  []ProcSetting{{lxc.AnnotationProcPrefix + "oom_score_adj", "oom_score_adj", "5"}},
			Share: []Share{{lxc.AnnotationSharePrefix + "net", "other", specs.NetworkNamespace}}}, ""},
		{"unknown", map[string]string{"io.kist.lxc.nonsense": "1"}, nil, "io.kist.lxc.nonsense: unknown annotation"},
		{"boolean", map[string]string{lxc.AnnotationExecute: "yes"}, nil, `io.kist.lxc.execute: "yes": want true`},
		{"version", map[string]string{lxc.AnnotationVersion: "new"}, nil, "io.kist.lxc.version"},
		{"ttys", map[string]string{lxc.AnnotationTTYMax: "-1"}, nil, "io.kist.lxc.tty.max"},
		{"tty directory upwards", map[string]string{lxc.AnnotationTTYDir: "../etc"}, nil, "io.kist.lxc.tty.dir"},
		{"tty directory absolute", map[string]string{lxc.AnnotationTTYDir: "/etc"}, nil, "io.kist.lxc.tty.dir"},
		{"proc upwards", map[string]string{lxc.AnnotationProcPrefix + "../1/oom_score_adj": "5"}, nil, "io.kist.lxc.proc"},
		{"inner cgroup upwards", map[string]string{lxc.AnnotationCgroupInner: "a/../../b"}, nil, "io.kist.lxc.cgroup.inner"},
		{"dev", map[string]string{lxc.AnnotationDev: "some"}, nil, "io.kist.lxc.dev"},
		{"console", map[string]string{lxc.AnnotationConsolePath: "tty1"}, nil, "io.kist.lxc.console.path"},
		{"size alone", map[string]string{lxc.AnnotationConsoleLogSize: "1"}, nil, "io.kist.lxc.console.size"},
		{"rootfs property", map[string]string{lxc.AnnotationRootfs: `{"type":"bind","surce":"/"}`}, nil, `unknown field "surce"`},
		{"mounts", map[string]string{lxc.AnnotationMounts: `[] []`}, nil, "more than one JSON value"},
		{"share", map[string]string{lxc.AnnotationSharePrefix + "disk": "a"}, nil, `unknown kind of namespace "disk"`},
		{"apparmor", map[string]string{lxc.AnnotationApparmor: "generated", lxc.AnnotationApparmorNesting: "true", lxc.AnnotationApparmorRaw: `["mount,"]`},
			&LXC{AppArmor: true, Nesting: true, Raw: []string{"mount,"}}, ""},
		{"apparmor of another kind", map[string]string{lxc.AnnotationApparmor: "unconfined"}, nil, `io.kist.lxc.apparmor: "unconfined": want generated`},
		{"nesting without a profile", map[string]string{lxc.AnnotationApparmorNesting: "true"}, nil, "io.kist.lxc.apparmor: needed by"},
		{"raw rules without a profile", map[string]string{lxc.AnnotationApparmorRaw: "[]"}, nil, "io.kist.lxc.apparmor: needed by"},
		{"keyring context", map[string]string{lxc.AnnotationKeyringContext: "u:r:t:s0"}, &LXC{KeyringLabel: "u:r:t:s0"}, ""},
		{"empty keyring context", map[string]string{lxc.AnnotationKeyringContext: ""}, nil, "io.kist.lxc.selinux.keyring"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseLXC(tt.annotations)
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("error %v, want one with %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLXCRootRefused(t *testing.T) {
	for _, tt := range []struct {
		name, err string
		edit      func(*Input)
	}{
		{"no mount namespace", "needs a mount namespace", func(in *Input) {
			in.Spec.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace}}
		}},
		{"not root", "needs root in the initial user namespace", func(in *Input) { in.Facts.Euid = 1000 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, _ := inputs(false, func(*specs.Spec, *Input, *ProcessInput) {})
			in.LXC = &LXC{Rootfs: &lxc.RootfsMount{Type: "bind", Source: "/"}}
			tt.edit(in)
			if _, _, err := Setup(in); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want one with %q", err, tt.err)
			}
		})
	}
}

func FuzzParseLXC(f *testing.F) {
	f.Add(lxc.AnnotationRootfs, `{"type":"auto","source":"/dev/sda","loop":true}`)
	f.Add(lxc.AnnotationMounts, `[{"index":0,"optional":true}]`)
	f.Add(lxc.AnnotationHooks, `{"preStart":[{"path":"/x"}]}`)
	f.Add(lxc.AnnotationProcPrefix+"a.b", "1")
	f.Fuzz(func(t *testing.T, key, value string) {
		l, err := ParseLXC(map[string]string{key: value})
		if err == nil && (l == nil) == strings.HasPrefix(key, lxcPrefix) {
			t.Errorf("%q: an annotation of LXC is refused or understood, and no other is", key)
		}
	})
}

func TestParseRootOptions(t *testing.T) {
	o, err := ParseRootOptions([]string{"ro", "noatime", "lowerdir=/a", "upperdir=/b", "rslave"})
	if err != nil {
		t.Fatal(err)
	}
	if o.Data != "lowerdir=/a,upperdir=/b" || o.Flags != 1 || o.Propagation == 0 || o.Set == 0 {
		t.Errorf("got %+v", o)
	}
	if _, err := ParseRootOptions([]string{"remount"}); err == nil {
		t.Error("remount is taken for a root filesystem")
	}
}
