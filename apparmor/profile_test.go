// SPDX-License-Identifier: Apache-2.0

package apparmor

import (
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// parses gives a text to the parser, if it is installed; that needs no kernel.
func parses(t *testing.T, text string) {
	t.Helper()
	parser, err := Host{}.Parser()
	if err != nil {
		t.Log(err)
		return
	}
	path := filepath.Join(t.TempDir(), "profile")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(parser, "-QT", "-K", path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

var containers = map[string]Container{
	"lxc-plain":     {CgroupNS: true},
	"lxc-namespace": {CgroupNS: true, Generated: Generated{Namespace: "lxc-web_<-run-kist>"}},
	"lxc-userns":    {CgroupNS: true, UserNS: true},
	"lxc-nesting":   {CgroupNS: true, Nesting: true, Generated: Generated{Namespace: "lxc-web_<-run-kist>"}},
	"lxc-raw":       {Raw: []string{"mount fstype=ext4,", "deny /secret r,"}},
}

func TestGolden(t *testing.T) {
	for name, c := range containers {
		t.Run(name, func(t *testing.T) {
			c.Profile = "lxc-web_</run/kist>"
			got := c.Text(ABI3)
			parses(t, got)
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("profile has changed (-golden +now; go test -update if meant):\n%s", diff)
			}
		})
	}
}

func TestDefault(t *testing.T) {
	text := Default(ABI3)
	if text != shipped {
		t.Error("the text that is installed is not that for AppArmor 3")
	}
	parses(t, text)
	// A hand-made exception to what the code says would not be seen otherwise.
	want := append(complement("/proc", procDirs()...), complement("/proc/sys", namespacedSysctls()...)...)
	want = append(want, complement("/sys", "fs/cg*")...)
	for _, p := range want {
		if !strings.Contains(text, "\n  deny "+p+" wklx,\n") {
			t.Errorf("kist-default: has no rule that denies %s", p)
		}
	}
	if n := strings.Count(text, "{,/**} wklx,\n"); n != len(want) {
		t.Errorf("kist-default: denies %d patterns, want %d", n, len(want))
	}
}

func TestDialects(t *testing.T) {
	c := Container{Generated: Generated{Profile: "lxc-a"}}
	for d, files := range map[Dialect]map[string]string{
		ABI2: {},
		ABI3: {PolicyDir + "/abi/3.0": ""},
		ABI4: {PolicyDir + "/abi/3.0": "", PolicyDir + "/abi/4.0": ""},
	} {
		if got := fake(t, files).Dialect(); got != d {
			t.Errorf("found %q, want %q", got, d)
		}
		for _, text := range []string{Default(d), c.Text(d)} {
			for part, want := range map[string]bool{
				"abi <abi/3.0>,\n": d == ABI3,
				"abi <abi/4.0>,\n": d == ABI4,
				"\n  network,\n":   true,
				"\n  userns,\n":    d == ABI4,
				"\n  io_uring,\n":  d == ABI4,
				"\n  mqueue,\n":    d == ABI4,
			} {
				if strings.Contains(text, part) != want {
					t.Errorf("dialect %q: %q: want %v in %s", d, part, want, text[:300])
				}
			}
		}
		if d == ABI2 {
			parses(t, c.Text(d))
		}
	}
	// CVE-2016-1585: such a rule is for parsers that read it as it is meant.
	if strings.Contains(c.Text(ABI3), "make-") || !strings.Contains(c.Text(ABI4), "make-rslave") {
		t.Error("rules on propagation are for AppArmor 4 only")
	}
}

// expression translates a pattern of AppArmor, as far as complement uses it.
func expression(pattern string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.NewReplacer(
		".", `\.`, "{,/**}", `(/.*)?`, "{,", "(|", "}", ")", "*", "[^/]*", "?", "[^/]", "[^", "[^/").Replace(pattern) + "$")
}

// Each path is matched, or one of the exceptions.
func TestComplement(t *testing.T) {
	for _, tt := range []struct {
		dir    string
		except []string
		keeps  *regexp.Regexp // what must not be matched
		words  string
	}{
		{"/proc/sys", namespacedSysctls(), regexp.MustCompile(`^/proc/sys/(fs/mq|kernel/(dom|hos|msg|ns_|sem|shm)|net(/|$))`),
			"fs fs/mqueue fs/mqueue/msg_max fs/file-max fs/m fsx f kernel kernel/ kernel/core_pattern kernel/hostname kernel/hotplug kernel/h kernel/sysrq kernel/shmmax kernel/s kernel/ns_last_pid kernel/ns net net/core/somaxconn ne vm/overcommit_memory vm"},
		{"/proc", procDirs(), regexp.MustCompile(`^/proc/([0-9]|sys$|sys/)`), "sysrq-trigger sys sys/x s sy 1 1/mem 12345/root self thread-self irq irq/1 bus/pci/0 kcore"},
		{"/", []string{"proc/*", "sys/*", "dev/.lxc/*"}, regexp.MustCompile(`^/(proc(/|$)|sys(/|$)|dev(/?$|/\.lxc(/|$)))`), "proc proc/ proc/x procx p sys system s dev dev/ dev/null dev/.lxc dev/.lxc/proc dev/.lxcx dev/.l home home/a"},
	} {
		var list []*regexp.Regexp
		for _, p := range complement(tt.dir, tt.except...) {
			list = append(list, expression(p))
		}
		words := strings.Fields(tt.words)
		letters := []rune("abdefhklmnoprstuvxy_.1/0/")
		for range 20000 { // what begins like an exception, and goes on in any way
			w := []rune(words[rand.IntN(len(words))])
			for range rand.IntN(4) {
				w = append(w[:rand.IntN(len(w)+1)], letters[rand.IntN(len(letters))])
			}
			if s := string(w); !strings.HasPrefix(s, "/") && !strings.Contains(s, "//") {
				words = append(words, s)
			}
		}
		for _, w := range words {
			if w == "" {
				continue
			}
			path := strings.TrimSuffix(tt.dir, "/") + "/" + w
			matched := false
			for _, e := range list {
				matched = matched || e.MatchString(path)
			}
			keeps := tt.keeps.MatchString(path)
			if dir := strings.TrimSuffix(path, "/"); !keeps {
				// The directory above an exception is none of them, and nothing is lost with it.
				for _, e := range tt.except {
					keeps = keeps || strings.HasPrefix(strings.TrimSuffix(tt.dir, "/")+"/"+e, dir+"/")
				}
			}
			if matched == keeps {
				t.Fatalf("%s: matched %v", path, matched)
			}
		}
	}
}

func TestGenerate(t *testing.T) {
	plainHost := fake(t, nil)
	stacking := fake(t, map[string]string{securityFS + "/features/domain/stack": "yes\n", securityFS + "/.ns_stacked": "no\n"})
	nested := fake(t, map[string]string{securityFS + "/features/domain/stack": "yes\n", securityFS + "/.ns_stacked": "yes\n"})
	for _, tt := range []struct {
		h              Host
		id, root       string
		profile, space string
	}{
		{plainHost, "web", "/run/kist", "lxc-web_</run/kist>", ""},
		{nested, "web", "/run/kist", "lxc-web_</run/kist>", ""},
		{stacking, "web", "/run/kist", "lxc-web_</run/kist>", "lxc-web_<-run-kist>"},
		{plainHost, "web", "/a b:*", "lxc-web_</a.b...e8901cd978adc9f>", ""},
	} {
		g := tt.h.Generate(tt.id, tt.root)
		if g.Profile != tt.profile || g.Namespace != tt.space {
			t.Errorf("%+v", g)
		}
		want := tt.profile
		if tt.space != "" {
			want += "//&:" + tt.space + ":unconfined"
		}
		if g.Label() != want {
			t.Error(g.Label())
		}
	}
	long := strings.Repeat("x", 1000)
	a, b := stacking.Generate(long, "/run/kist"), stacking.Generate(long, "/run/kist2")
	if len(a.Profile) > 255 || a.Profile == b.Profile || a.Namespace == b.Namespace || strings.Contains(a.Namespace, "/") {
		t.Errorf("%+v, %+v", a, b)
	}
}
