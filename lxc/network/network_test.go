// SPDX-License-Identifier: Apache-2.0

package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/lxc/directive"
	"kist/lxc/network/nic"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// counter gives the same random digits every time.
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		*c += 7
		p[i] = byte(*c)
	}
	return len(p), nil
}

func options(version string) Options {
	o := Options{Container: "c1", Random: new(counter)}
	for i, s := range strings.Split(version, ".") {
		o.Version[i], _ = strconv.Atoi(s)
	}
	return o
}

func lex(text string) []directive.Directive {
	var out []directive.Directive
	for i, line := range strings.Split(text, "\n") {
		if key, value, ok := strings.Cut(line, "="); ok {
			out = append(out, directive.Directive{File: "c", Line: i + 1, Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)})
		}
	}
	return out
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(files) < 9 {
		t.Fatalf("testdata: %v, %v", files, err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".conf")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			version, _, _ := strings.Cut(name, "-")
			r, err := Collect(lex(string(text)), options(version))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Outcomes) != len(lex(string(text))) {
				t.Fatalf("%d outcomes", len(r.Outcomes))
			}
			up, down := r.Hooks("/usr/bin/kist", []string{"LXC_NAME=c1"})
			var report []string
			for _, o := range r.Outcomes {
				report = append(report, o.Directive.Position()+" "+o.Directive.Key+" = "+o.Directive.Value+" | "+string(o.Class)+" | "+o.Text)
			}
			var got bytes.Buffer
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "\t")
			if err := enc.Encode(struct {
				HostNetwork bool
				Up, Down    []specs.Hook
				Report      []string
				Set         *nic.Set
			}{r.HostNetwork, up, down, report, r.Set}); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(path, ".conf") + ".json"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if r.Set == nil {
				return
			}
			data, err := r.Set.Encode()
			if err != nil {
				t.Fatal(err)
			}
			back, err := nic.Read(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.Set, back, cmp.Comparer(func(a, b nic.Address) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("lxc-net.json: -written +read\n%s", diff)
			}
		})
	}
}

// TestRefused has what LXC 5.0.2 refuses, when loading or when starting.
func TestRefused(t *testing.T) {
	const veth = "lxc.net.0.type=veth\n"
	for _, c := range []struct{ version, conf, want string }{
		{"6.0.4", "lxc.net.0.type=bogus", `c:1: lxc.net.0.type: "bogus": none of`},
		{"2.0.0", "lxc.network.type=ipvlan", "came with LXC 3.2"},
		{"6.0.4", "lxc.net.x.type=veth", "c:1: lxc.net.x.type: no card number"},
		{"6.0.4", "lxc.net.type=veth", "no card number"},
		{"6.0.4", "lxc.net.2147483647.type=veth", "too large"},
		{"6.0.4", "lxc.net.99999999999999999999.type=veth", "too large"},
		{"6.0.4", veth + "lxc.net.0.bogus=1", "c:2: lxc.net.0.bogus: unknown network key"},
		{"6.0.4", veth + "lxc.net.0.namex=1", "unknown network key"},
		{"6.0.4", "lxc.networkx=", "unknown network key"},
		{"6.0.4", "lxc.uts.name=1", "not a network key"},
		{"6.0.4", veth + "lxc.net.0.macvlan.vlan=100", "unknown network key"},
		{"6.0.4", "lxc.net=x", "takes no value"},
		{"6.0.4", veth + "lxc.net.0=x", "takes no value"},
		{"6.0.4", "lxc.net.0=", "no line before this one is about card 0"},
		{"6.0.4", "lxc.net.0.flags=", "nothing to clear"},
		{"2.0.0", "lxc.network.flags=up", "no lxc.network.type before"},
		{"2.0.0", "lxc.network.type=veth\nlxc.network.1.flags=up", "there are 1 cards"},
		{"2.0.0", "lxc.network.bogus=up", "unknown network key"},
		{"6.0.4", "lxc.net.0.macvlan.mode=bridge\nlxc.net.0.type=macvlan", "c:1: lxc.net.0.macvlan.mode: the card is of type empty"},
		{"6.0.4", veth + "lxc.net.0.macvlan.mode=bridge", "the card is of type veth"},
		{"6.0.4", veth + "lxc.net.0.vlan.id=3", "the card is of type veth"},
		{"6.0.4", "lxc.net.0.type=phys\nlxc.net.0.veth.pair=x", "the card is of type phys"},
		{"6.0.4", "lxc.net.0.type=empty\nlxc.net.0.name=foo", "c:2: lxc.net.0.name: \"foo\": a card of type empty is lo"},
		{"6.0.4", "lxc.net.0.name=foo", "a card of type empty is lo"},
		{"6.0.4", "lxc.net.0.type=empty\nlxc.net.0.ipv4.address=1.2.3.4/24", "c:1: lxc.net.0.type: empty: has no card"},
		{"6.0.4", veth + "lxc.net.0.name=lo", "the loopback device has this name"},
		{"6.0.4", veth + "lxc.net.0.name=a b", "has no slash, colon, blank"},
		{"6.0.4", veth + "lxc.net.0.name=a%s", "one %d"},
		{"6.0.4", veth + "lxc.net.0.name=a%d%d", "one %d"},
		{"6.0.4", veth + "lxc.net.0.veth.pair=a%d", "c:2: lxc.net.0.veth.pair: \"a%d\": the host's end needs a name"},
		{"6.0.4", veth + "lxc.net.0.link=averyveryverylongname", "longer than the 15 bytes"},
		{"2.0.0", "lxc.network.type=veth\nlxc.network.link=lxcbr0 #pay attention", "longer than the 15 bytes"},
		{"6.0.4", veth + "lxc.net.0.name=eth0\nlxc.net.1.type=veth\nlxc.net.1.name=eth0", "c:4: lxc.net.1.name: \"eth0\" is also the name of card 0"},
		{"6.0.4", veth + "lxc.net.0.hwaddr=zz:49:43:49:79:01", "not a hardware address"},
		{"6.0.4", veth + "lxc.net.0.hwaddr=4A-49-43-49-79-01", "not a hardware address"},
		{"6.0.4", veth + "lxc.net.0.hwaddr=00:01:02:03:04:05:06", "more than the six octets"},
		{"6.0.4", veth + "lxc.net.0.hwaddr=01:01:02:03:04:05", "a multicast address"},
		{"6.0.4", veth + "lxc.net.0.mtu=abc", "not a number"},
		{"6.0.4", veth + "lxc.net.0.mtu=1400x", "not a number"},
		{"6.0.4", veth + "lxc.net.0.mtu=-1", "not a number"},
		{"2.0.0", "lxc.network.type=veth\nlxc.network.mtu=x", "not a number"},
		{"6.0.4", veth + "lxc.net.0.ipv4.address=10.1.2/8", `"10.1.2": not an IPv4 address`},
		{"6.0.4", veth + "lxc.net.0.ipv4.address=10.1.2.3/33", `prefix "33"`},
		{"6.0.4", veth + "lxc.net.0.ipv4.address=10.1.2.3/abc", `prefix "abc"`},
		{"6.0.4", veth + "lxc.net.0.ipv4.address=10.1.2.3/", `prefix ""`},
		{"6.0.4", veth + "lxc.net.0.ipv4.address=10.1.2.3/24 lxc", `broadcast "lxc"`},
		{"6.0.4", veth + "lxc.net.0.ipv4.address=224.1.2.3", "write the prefix"},
		{"6.0.4", veth + "lxc.net.0.ipv6.address=fd00::1/129", `prefix "129"`},
		{"6.0.4", veth + "lxc.net.0.ipv6.address=fe80::1%eth0", "not an IPv6 address"},
		{"6.0.4", veth + "lxc.net.0.ipv4.gateway=bogus", "neither an address"},
		{"6.0.4", veth + "lxc.net.0.ipv4.gateway=fd00::1", "neither an address"},
		{"2.0.0", "lxc.network.type=veth\nlxc.network.ipv4.gateway=dev", "came with LXC 3.2"},
		{"6.0.4", veth + "lxc.net.0.flags=up\nlxc.net.0.ipv4.gateway=10.0.0.1", "c:3: lxc.net.0.ipv4.gateway: needs an address"},
		{"6.0.4", veth + "lxc.net.0.flags=up\nlxc.net.0.ipv6.address=fd00::1\nlxc.net.0.ipv4.gateway=dev", "c:4: lxc.net.0.ipv4.gateway: needs an address"},
		{"6.0.4", veth + "lxc.net.0.ipv6.address=fd00::1\nlxc.net.0.ipv6.gateway=fd00::2", "c:3: lxc.net.0.ipv6.gateway: needs flags = up"},
		{"6.0.4", veth + "lxc.net.0.flags=up\nlxc.net.0.ipv4.address=10.0.0.2/24\nlxc.net.0.ipv4.gateway=auto", "auto: is the address of the link"},
		{"6.0.4", "lxc.net.0.type=phys\nlxc.net.0.link=e\nlxc.net.0.flags=up\nlxc.net.0.ipv4.address=10.0.0.2/24\nlxc.net.0.ipv4.gateway=auto", "not for a card of type phys"},
		{"6.0.4", veth + "lxc.net.0.veth.mode=p2p", "neither bridge nor router"},
		{"6.0.4", veth + "lxc.net.0.l2proxy=2", "neither 0 nor 1"},
		{"6.0.4", "lxc.net.0.type=macvlan", "c:1: lxc.net.0.type: a card of type macvlan needs"},
		{"6.0.4", "lxc.net.0.type=phys", "needs the device"},
		{"6.0.4", "lxc.net.0.type=vlan", "needs the device"},
		{"6.0.4", "lxc.net.0.type=ipvlan", "needs the device"},
		{"6.0.4", "lxc.net.0.type=macvlan\nlxc.net.0.macvlan.mode=bogus", "c:2: lxc.net.0.macvlan.mode: \"bogus\": none of"},
		{"6.0.4", "lxc.net.0.type=ipvlan\nlxc.net.0.ipvlan.mode=l4", "none of l3, l3s, l2"},
		{"6.0.4", "lxc.net.0.type=ipvlan\nlxc.net.0.ipvlan.isolation=x", "none of bridge, private, vepa"},
		{"6.0.4", "lxc.net.0.type=vlan\nlxc.net.0.vlan.id=4095", "not a number from 0 to 4094"},
		{"6.0.4", veth + "lxc.net.0.veth.vlan.id=4095", "not a number from 0 to 4094"},
		{"6.0.4", veth + "lxc.net.0.veth.vlan.tagged.id=4095", "not a number from 0 to 4094"},
		{"6.0.4", veth + "lxc.net.0.veth.vlan.tagged.id=3", "c:2: lxc.net.0.veth.vlan.tagged.id: VLANs belong to a bridge port"},
		{"6.0.4", veth + "lxc.net.0.veth.ipv4.route=10.0.0.0", "not a network with prefix"},
		{"6.0.4", veth + "lxc.net.0.veth.ipv4.route=10.0.0.1/8", "write 10.0.0.0/8"},
		{"6.0.4", veth + "lxc.net.0.veth.ipv6.route=10.0.0.0/8", "not a network with prefix"},
		{"6.0.4", veth + "lxc.net.0.veth.n_rxqueues=0", "not a number from 1"},
	} {
		r, err := Collect(lex(c.conf), options(c.version))
		if err == nil {
			t.Errorf("%q: accepted: %+v", c.conf, r.Set)
		} else if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "c:") {
			t.Errorf("%q: %v\nwant %q", c.conf, err, c.want)
		}
	}
}

func TestRandomDigits(t *testing.T) {
	o := options("6.0.4")
	for range 64 {
		r, err := Collect(lex("lxc.net.0.type=veth\nlxc.net.0.hwaddr=xX:16:3e:xx:xx:xx"), o)
		if err != nil {
			t.Fatal(err)
		}
		if mac := r.Set.Cards[0].HardwareAddr; strings.Contains(mac, "x") || len(mac) != 17 || !strings.Contains("02468ace", mac[1:2]) {
			t.Fatalf("%s", mac)
		}
	}
	o.Random = failing{}
	if _, err := Collect(lex("lxc.net.0.type=veth\nlxc.net.0.hwaddr=xx:16:3e:01:01:01"), o); err == nil || !strings.Contains(err.Error(), "no entropy") {
		t.Errorf("random source fails: %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

func FuzzCollect(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.conf")
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		version, _, _ := strings.Cut(filepath.Base(path), "-")
		f.Add(version, string(data))
	}
	f.Fuzz(func(t *testing.T, version, text string) {
		if strings.Count(version, ".") > 2 {
			return
		}
		r, err := Collect(lex(text), options(version))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "c:") {
				t.Fatalf("error without position: %v", err)
			}
			return
		}
		r.Hooks("/k", nil)
		if r.HostNetwork {
			return
		}
		data, err := r.Set.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nic.Read(bytes.NewReader(data)); err != nil {
			t.Fatalf("what import writes the hook refuses: %v\n%s", err, data)
		}
	})
}
