// SPDX-License-Identifier: Apache-2.0

package nic

import (
	"bytes"
	"strings"
	"testing"
)

func TestReadRefuses(t *testing.T) {
	const head = `{"format":1,"container":"c","hookVersion":0,"cards":[`
	card := func(s string) string { return head + s + "]}" }
	for _, c := range []struct{ text, want string }{
		{"", "lxc-net.json: EOF"},
		{"[]", "cannot unmarshal"},
		{`{"format":2}`, "/format: 2: this kist reads 1"},
		{`{"format":1,"container":"c","hookVersion":2}`, "/hookVersion: 2"},
		{`{"format":1}`, "/container: a name"},
		{card("") + "x", "something follows"},
		{strings.Repeat(" ", maxFile+1), "larger than"},
		{card(`{"index":0,"type":"empty","bogus":1}`), "unknown field"},
		{card(`{"index":0,"type":"bogus"}`), `/cards/0/type: "bogus"`},
		{card(`{"index":-1,"type":"empty"}`), "/cards/0/index: -1"},
		{card(`{"index":0,"type":"veth"}`), "/cards/0/type: \"veth\": exactly the section"},
		{card(`{"index":0,"type":"empty","vlan":{"id":1}}`), "exactly the section"},
		{card(`{"index":0,"type":"vlan","link":"e","vlan":{"id":4095}}`), "/cards/0/vlan/id: 4095"},
		{card(`{"index":0,"type":"macvlan","link":"e","macvlan":{"mode":"x"}}`), "/cards/0/macvlan/mode"},
		{card(`{"index":0,"type":"ipvlan","link":"e","ipvlan":{"mode":"l2","isolation":"x"}}`), "/cards/0/ipvlan/isolation"},
		{card(`{"index":0,"type":"veth","veth":{"mode":"x"}}`), "/cards/0/veth/mode"},
		{card(`{"index":0,"type":"veth","veth":{"mode":"bridge","pair":"../x"}}`), "/cards/0/veth/pair"},
		{card(`{"index":0,"type":"veth","veth":{"mode":"bridge","vlan":-2},"link":"b"}`), "/cards/0/veth/vlan: -2"},
		{card(`{"index":0,"type":"veth","veth":{"mode":"bridge","tagged":[5000]},"link":"b"}`), "/cards/0/veth/tagged/0"},
		{card(`{"index":0,"type":"veth","veth":{"mode":"bridge","rxQueues":-1}}`), "queue counts"},
		{card(`{"index":0,"type":"veth","veth":{"mode":"bridge","routes":["10.0.0.1/8"]}}`), "/cards/0/veth/routes/0"},
		{card(`{"index":0,"type":"phys","link":"+"}`), `/cards/0/link: "": not a name`},
		{card(`{"index":0,"type":"phys","link":"a","mtu":-1}`), "/cards/0/mtu"},
		{card(`{"index":0,"type":"phys","link":"a","hardwareAddr":"00:00"}`), "/cards/0/hardwareAddr"},
		{card(`{"index":0,"type":"phys","link":"a","ipv4":[{"prefix":"fd00::1/64"}]}`), "/cards/0/ipv4/0"},
		{card(`{"index":0,"type":"phys","link":"a","ipv4":[{"prefix":"1.2.3.4/8","broadcast":"fd00::1"}]}`), "/cards/0/ipv4/0/broadcast"},
		{card(`{"index":0,"type":"phys","link":"a","ipv6":[{"prefix":"1.2.3.4/8"}]}`), "/cards/0/ipv6/0"},
		{card(`{"index":0,"type":"phys","link":"a","ipv6":[{"prefix":"fd00::1/64","broadcast":"1.2.3.4"}]}`), "/cards/0/ipv6/0/broadcast"},
		{card(`{"index":0,"type":"phys","link":"a","up":true,"gateway4":"x"}`), "/cards/0/gateway4"},
		{card(`{"index":0,"type":"phys","link":"a","scriptUp":"\u0000"}`), "/cards/0/scriptUp"},
		{card(`{"index":0,"type":"phys","link":"a","name":"n"},{"index":1,"type":"phys","link":"b","name":"n"}`), "/cards/1/name: \"n\" is also the name of card 0"},
	} {
		if s, err := Read(strings.NewReader(c.text)); err == nil {
			t.Errorf("%.80s: accepted: %+v", c.text, s)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"format":1,"container":"c","hookVersion":0,"cards":[{"index":0,"type":"veth","up":true,"link":"br0","ipv4":[{"prefix":"10.0.0.2/24","broadcast":"10.0.0.255"}],"gateway4":"auto","veth":{"mode":"bridge","vlan":-1,"tagged":[10]}}]}`)
	f.Add(`{"format":1,"container":"c","hookVersion":1,"cards":[{"index":3,"type":"phys","link":"e+","name":"a%d"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		data, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if data2, _ := again.Encode(); !bytes.Equal(data, data2) {
			t.Fatalf("%s\n%s", data, data2)
		}
	})
}
