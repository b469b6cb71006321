// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const testBoot = "01234567-89ab-cdef-0123-456789abcdef"

// full has a value in every exported field; TestRoundTrip proves it.
func full() *State {
	return &State{
		Version: Version, OCIVersion: "1.3.0", ID: "c1", Bundle: "/b/ü \"x\"", Rootfs: "/b/rootfs",
		Created: "2026-01-02T03:04:05.000000006Z", Owner: 4294967294, Phase: Creating, BootID: testBoot,
		InitPid: 4242, InitStartTime: 1 << 40, InitInode: 1<<64 - 1, CreatorPid: 77, CreatorStartTime: 99,
		Annotations: map[string]string{"a": "1\n\x7f\u202e", "b": "\U0001F600\\"},
		CgroupPaths: map[string]string{"memory": "/sys/fs/cgroup/memory/c1", "name=systemd": "/sys/fs/cgroup/systemd/c1"},
		CgroupFresh: true, Systemd: true, SystemdUnit: "kist-c1.scope", Rootless: true,
		Namespaces: []string{"pid", "mount"}, PrivatePID: true, NetDevices: map[string]string{"eth1": "net0"},
		IntelRdt: true, ResctrlGroup: "/sys/fs/resctrl/c1", ResctrlMonGroup: "/sys/fs/resctrl/mon_groups/c1",
		AppArmorProfile: "lxc-c1_</run/kist>", AppArmorNamespace: "lxc-c1_<-run-kist>",
		Hooks: []string{"poststop"}, SeccompNotify: true, NotifySocket: true, NoNewKeyring: true, NoPivot: true, Terminal: true,
		NoProcess: true, PreservedFDs: 3, Withheld: 1<<63 | 1,
		Descriptors: []string{"/dev/null", "pipe:[1]", ""},
	}
}

var exported = cmpopts.IgnoreUnexported(State{})

func TestRoundTrip(t *testing.T) {
	want := full()
	v := reflect.ValueOf(*want)
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() && v.Field(i).IsZero() {
			t.Errorf("full() has no value for %s", v.Type().Field(i).Name)
		}
	}
	data := want.encode()
	if !json.Valid(data) {
		t.Fatalf("not JSON: %s", data)
	}
	for range 50 {
		if again := full().encode(); string(again) != string(data) {
			t.Fatalf("the same record gave\n%s and\n%s", data, again)
		}
	}
	got, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, exported); d != "" {
		t.Error(d)
	}
	if err := got.check("c1"); err != nil {
		t.Error(err)
	}
	var other struct{ Annotations map[string]string }
	if err := json.Unmarshal(data, &other); err != nil || !cmp.Equal(other.Annotations, want.Annotations) {
		t.Errorf("encoding/json reads %v, %v", other, err)
	}
}

// The golden file is what release 1 of the schema wrote; every later kist has to read it.
func TestVersion1(t *testing.T) {
	const file = "testdata/version1.json"
	if *update {
		if err := os.WriteFile(file, full().encode(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(full(), got, exported); d != "" {
		t.Error(d)
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{``, "expected an object"},
		{`[]`, "expected an object"},
		{`{`, "expected a string"},
		{`{"version":1`, "expected , or }"},
		{`{"version" 1}`, "expected :"},
		{`{"version":1}x`, "text after the end"},
		{`{"version":1}{}`, "text after the end"},
		{`{"version":1,"version":1}`, "version: given twice"},
		{`{"version":2,"future":{}}`, "version 2 is from a newer kist"},
		{`{"Version":1}`, "unknown field"},
		{`{"future":1}`, "future: unknown field"},
		{`{"initPid":-1}`, "whole number"},
		{`{"initPid":01}`, "whole number"},
		{`{"initPid":1.0}`, "expected , or }"},
		{`{"initPid":1e3}`, "expected , or }"},
		{`{"initPid":4294967296}`, "out of range"},
		{`{"initStartTime":18446744073709551616}`, "out of range"},
		{`{"initPid":"1"}`, "whole number"},
		{`{"initPid":null}`, "whole number"},
		{`{"id":1}`, "expected a string"},
		{`{"id":"a}`, "string without end"},
		{`{"id":"a\`, "string without end"},
		{"{\"id\":\"a\nb\"}", "control character"},
		{"{\"id\":\"a\\u0041\nb\"}", "control character"},
		{"{\"id\":\"\xff\"}", "not UTF-8"},
		{"{\"id\":\"\\n\xff\"}", "not UTF-8"},
		{`{"id":"\x"}`, "unknown escape"},
		{`{"id":"\u12"}`, "four hexadecimal"},
		{`{"id":"\ud800"}`, "surrogate"},
		{`{"id":"\ud800\u0041"}`, "surrogate"},
		{`{"id":"\udc00\ud800"}`, "surrogate"},
		{`{"systemd":1}`, "true or false"},
		{`{"systemd":tru}`, "true or false"},
		{`{"hooks":{}}`, "expected an array"},
		{`{"hooks":["a"`, "expected , or ]"},
		{`{"hooks":["a",]}`, "expected a string"},
		{`{"annotations":[]}`, "expected an object"},
		{`{"annotations":{"a":"1","a":"2"}}`, "given twice"},
		{`{"annotations":{"a":1}}`, "expected a string"},
		{`{"annotations":{"a":"1",}}`, "expected a string"},
	} {
		if _, err := decode([]byte(tt.in)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("decode(%q): %v, want %q", tt.in, err, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, change := range map[string]func(*State){
		"version":                        func(s *State) { s.Version = 0 },
		"id":                             func(s *State) { s.ID = "c2" },
		"ociVersion":                     func(s *State) { s.OCIVersion = "" },
		"bundle":                         func(s *State) { s.Bundle = "relative" },
		"bundle: \"/b/\"":                func(s *State) { s.Bundle = "/b/" },
		"bundle: \"/b/../c\"":            func(s *State) { s.Bundle = "/b/../c" },
		"bundle: \"/b\\xff\"":            func(s *State) { s.Bundle = "/b\xff" },
		"rootfs: \"/b\\n\"":              func(s *State) { s.Rootfs = "/b\n" },
		"rootfs: missing":                func(s *State) { s.Rootfs = "" },
		"owner":                          func(s *State) { s.Owner = -1 },
		"created":                        func(s *State) { s.Created = "yesterday" },
		"bootID: \"\"":                   func(s *State) { s.BootID = "" },
		"bootID: \"0123":                 func(s *State) { s.BootID = strings.ToUpper(testBoot) },
		"phase":                          func(s *State) { s.Phase = "running" },
		"creatorPid: 0":                  func(s *State) { s.CreatorPid = 0 },
		"creatorPid: 77":                 func(s *State) { s.CreatorStartTime = 0 },
		"initPid: 1 ":                    func(s *State) { s.InitPid = 1 },
		"initPid: 0":                     func(s *State) { s.Phase, s.InitPid = Created, 0 },
		"initPid: -5":                    func(s *State) { s.InitPid = -5 },
		"initPid: 4194304":               func(s *State) { s.InitPid = pidMax },
		"initStartTime":                  func(s *State) { s.InitStartTime = 0 },
		"cgroupPaths[\"\"]":              func(s *State) { s.CgroupPaths = map[string]string{"": "/"} },
		"cgroupPaths[\"a\"]":             func(s *State) { s.CgroupPaths = map[string]string{"a": "/sys/fs/cgroup"} },
		"cgroupPaths[\"b\"]":             func(s *State) { s.CgroupPaths = map[string]string{"b": "/sys"} },
		"cgroupPaths[\"cpu\"]":           func(s *State) { s.CgroupPaths = map[string]string{"cpu": "/sys/fs/cgroup/cpu"} },
		"is the root of":                 func(s *State) { s.CgroupPaths = map[string]string{"": "/sys/fs/cgroup/unified"} },
		"cgroupPaths[\"x\"]":             func(s *State) { s.CgroupPaths = map[string]string{"x": "/sys/fs/cgroup/x/../y"} },
		"cgroupPaths[\"y\"]":             func(s *State) { s.CgroupPaths = map[string]string{"y": "sys/fs/cgroup/x/y"} },
		"namespaces[1]":                  func(s *State) { s.Namespaces[1] = "\x1b[2J" },
		"hooks[0]":                       func(s *State) { s.Hooks[0] = "\u0085" },
		"descriptors[2]":                 func(s *State) { s.Descriptors[2] = "\xc0" },
		"netDevices[\"eth1\"]":           func(s *State) { s.NetDevices["eth1"] = "a/b" },
		"netDevices[\"sixteen":           func(s *State) { s.NetDevices["sixteencharacter"] = "a" },
		"annotations[\"\\xff\"]":         func(s *State) { s.Annotations["\xff"] = "" },
		"systemdUnit":                    func(s *State) { s.SystemdUnit = "a\nb" },
		"resctrlGroup":                   func(s *State) { s.ResctrlGroup = "a" },
		"appArmorProfile":                func(s *State) { s.AppArmorProfile = "unconfined" },
		"appArmorNamespace":              func(s *State) { s.AppArmorNamespace = "root" },
		`appArmorNamespace: "lxc-/../x"`: func(s *State) { s.AppArmorNamespace = "lxc-/../x" },
	} {
		s := full()
		change(s)
		if err := s.check("c1"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want an error with %q, got %v", name, err)
		}
	}
	for _, good := range []map[string]string{{"": "/sys/fs/cgroup/c1"}, {"": "/sys/fs/cgroup/unified/c1"}, nil} {
		s := full()
		s.CgroupPaths = good
		if err := s.check("c1"); err != nil {
			t.Error(err)
		}
	}
}

// FuzzDecode: no input makes the loader panic, and what it accepts it reproduces exactly.
func FuzzDecode(f *testing.F) {
	f.Add(full().encode())
	f.Add([]byte(`{ "version" : 1, "id":"\ud83d\ude00\/\b", "hooks":[], "annotations":{} }`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decode(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted what is not JSON: %q", data)
		}
		_ = s.check("c1")
		again, err := decode(s.encode())
		if err != nil {
			t.Fatalf("%v: %s", err, s.encode())
		}
		if d := cmp.Diff(s, again, exported, cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
	})
}

func TestAppendDocument(t *testing.T) {
	s := full()
	for _, indent := range []bool{true, false} {
		text := s.AppendDocument(nil, StatusRunning, "root", indent)
		file := "testdata/document-line.json"
		if indent {
			file = "testdata/document.json"
		}
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(text)); d != "" {
			t.Error(d)
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil || m["pid"] != 4242.0 {
			t.Errorf("%v: %v", err, m)
		}
	}
	s.Annotations = nil
	if text := string(s.AppendDocument(nil, StatusStopped, "", false)); !strings.Contains(text, `"pid":0,"status":"stopped"`) || strings.Contains(text, "annotations") {
		t.Error(text)
	}
}
