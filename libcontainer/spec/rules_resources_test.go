// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResourceRules(t *testing.T) {
	const r = "/linux/resources"
	runRules(t, []rule{
		{r, `{}`, ""},
		{r, `{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":-1,"minor":-1,"access":"mr"},{"allow":true,"type":"c","major":4095,"minor":1048575,"access":"r"}]}`, ""},
		{r, `{"devices":[{"allow":true,"type":"p","access":"r"}]}`, r + `/devices/0/type: must be a, b or c, found "p"`},
		{r, `{"devices":[{"allow":true,"major":-2,"access":"r"}]}`, r + `/devices/0/major: must be from 0 to 4095, or -1 for any, found -2`},
		{r, `{"devices":[{"allow":true,"minor":1048576,"access":"r"}]}`, r + `/devices/0/minor: must be from 0 to 1048575, or -1 for any, found 1048576`},
		{r, `{"devices":[{"allow":true}]}`, r + `/devices/0/access: is required: some of r, w and m`},
		{r, `{"devices":[{"allow":true,"access":"rx"}]}`, r + `/devices/0/access: must be some of r, w and m, found "rx"`},
		{r, `{"devices":[{"allow":true,"access":"rr"}]}`, r + `/devices/0/access: must be some of r, w and m, found "rr"`},
		{r, `{"memory":{"limit":-1,"swap":-1,"reservation":0,"swappiness":100}}`, ""},
		{r, `{"memory":{"limit":100,"swap":100}}`, ""},
		{r, `{"memory":{"limit":100,"swap":0}}`, ""},
		{r, `{"memory":{"swap":100}}`, ""},
		{r, `{"memory":{"limit":-2}}`, r + `/memory/limit: must be -1 for no limit or a number of bytes, found -2`},
		{r, `{"memory":{"kernelTCP":-2}}`, r + `/memory/kernelTCP: must be -1 for no limit or a number of bytes, found -2`},
		{r, `{"memory":{"limit":100,"swap":99}}`, r + `/memory/swap: limits memory and swap together and must be at least the memory limit 100, found 99`},
		{r, `{"memory":{"limit":-1,"swap":99}}`, r + `/memory/swap: must be -1 if the memory limit is -1, found 99`},
		{r, `{"memory":{"swappiness":101}}`, r + `/memory/swappiness: must be from 0 to 100, found 101`},
		{r, `{"memory":{"limit":1.5}}`, r + `/memory/limit: must be an integer from -9223372036854775808 to 9223372036854775807 without fraction or exponent, found 1.5`},
		{r, `{"cpu":{"shares":2,"quota":-1,"period":1000000,"burst":0,"cpus":"0-3,8:1/2","idle":1}}`, r + `/cpu/cpus: "0-3,8:1/2": bad range "8:1/2"`},
		{r, `{"cpu":{"shares":0,"quota":1000,"period":1000,"burst":1000,"cpus":"0-31:2/4, 40","mems":"0","idle":0}}`, ""},
		{r, `{"cpu":{"shares":262144}}`, ""},
		{r, `{"cpu":{"shares":2}}`, ""},
		{r, `{"cpu":{"shares":1}}`, r + `/cpu/shares: must be from 2 to 262144, found 1`},
		{r, `{"cpu":{"shares":262145}}`, r + `/cpu/shares: must be from 2 to 262144, found 262145`},
		{r, `{"cpu":{"quota":10}}`, r + `/cpu/quota: must be -1 for no limit or at least 1000 microseconds, found 10`},
		{r, `{"cpu":{"quota":-2}}`, r + `/cpu/quota: must be -1 for no limit or at least 1000 microseconds, found -2`},
		{r, `{"cpu":{"period":999}}`, r + `/cpu/period: must be from 1000 to 1000000 microseconds, found 999`},
		{r, `{"cpu":{"period":1000001}}`, r + `/cpu/period: must be from 1000 to 1000000 microseconds, found 1000001`},
		{r, `{"cpu":{"quota":2000,"burst":2001}}`, r + `/cpu/burst: must not be longer than the quota of 2000 microseconds, found 2001`},
		{r, `{"cpu":{"quota":0,"burst":5}}`, ""},
		{r, `{"cpu":{"realtimeRuntime":-1,"realtimePeriod":10}}`, ""},
		{r, `{"cpu":{"realtimeRuntime":10,"realtimePeriod":10}}`, ""},
		{r, `{"cpu":{"realtimeRuntime":10}}`, ""},
		{r, `{"cpu":{"realtimeRuntime":-2}}`, r + `/cpu/realtimeRuntime: must be -1 for no limit or at least 0 microseconds, found -2`},
		{r, `{"cpu":{"realtimeRuntime":11,"realtimePeriod":10}}`, r + `/cpu/realtimeRuntime: must not be longer than the period of 10 microseconds, found 11`},
		{r, `{"cpu":{"idle":2}}`, r + `/cpu/idle: must be 0 or 1, found 2`},
		{r, `{"cpu":{"cpus":"0-"}}`, r + `/cpu/cpus: "0-": bad range "0-"`},
		{r, `{"cpu":{"cpus":"0-99999"}}`, r + `/cpu/cpus: "0-99999": 99999 is too large (at most 8191)`},
		{r, `{"cpu":{"mems":"0,,1"}}`, r + `/cpu/mems: "0,,1": bad range ""`},
		{r, `{"pids":{"limit":0}}`, ""},
		{r, `{"pids":{"limit":-1}}`, ""},
		{r, `{"pids":{"limit":-2}}`, r + `/pids/limit: must be -1 for no limit or at least 0, found -2`},
		{r, `{"blockIO":{"weight":10,"leafWeight":1000,"weightDevice":[{"major":8,"minor":0,"weight":500}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":0}]}}`, ""},
		{r, `{"blockIO":{"throttleReadIOPSDevice":[{"major":4095,"minor":1048575,"rate":1},{"major":0,"minor":0,"rate":1}]}}`, ""},
		{r, `{"blockIO":{"throttleReadIOPSDevice":[{"major":4096,"minor":0,"rate":1}]}}`, r + "/blockIO/throttleReadIOPSDevice/0/major: must be from 0 to 4095, found 4096"},
		{r, `{"blockIO":{"throttleReadIOPSDevice":[{"major":0,"minor":1048576,"rate":1}]}}`, r + "/blockIO/throttleReadIOPSDevice/0/minor: must be from 0 to 1048575, found 1048576"},
		{r, `{"blockIO":{"weight":0}}`, ""},
		{r, `{"blockIO":{"weight":9}}`, r + `/blockIO/weight: must be from 10 to 1000, found 9`},
		{r, `{"blockIO":{"leafWeight":1001}}`, r + `/blockIO/leafWeight: must be from 10 to 1000, found 1001`},
		{r, `{"blockIO":{"weightDevice":[{"major":8,"minor":0}]}}`, r + `/blockIO/weightDevice/0: weight or leafWeight is required`},
		{r, `{"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":1}]}}`, r + `/blockIO/weightDevice/0/weight: must be from 10 to 1000, found 1`},
		{r, `{"blockIO":{"weightDevice":[{"major":8,"minor":0,"leafWeight":1}]}}`, r + `/blockIO/weightDevice/0/leafWeight: must be from 10 to 1000, found 1`},
		{r, `{"blockIO":{"weightDevice":[{"major":-8,"minor":0,"weight":10}]}}`, r + `/blockIO/weightDevice/0/major: must be from 0 to 4095, found -8`},
		{r, `{"blockIO":{"throttleWriteIOPSDevice":[{"major":8,"minor":-1,"rate":1}]}}`, r + `/blockIO/throttleWriteIOPSDevice/0/minor: must be from 0 to 1048575, found -1`},
		{r, `{"hugepageLimits":[{"pageSize":"64KB","limit":0},{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":1}]}`, ""},
		{r, `{"hugepageLimits":[{"pageSize":"3MB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "3MB"`},
		{r, `{"hugepageLimits":[{"pageSize":"2048KB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "2048KB"`},
		{r, `{"hugepageLimits":[{"pageSize":"../x","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "../x"`},
		{r, `{"hugepageLimits":[{"pageSize":"MB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "MB"`},
		{r, `{"hugepageLimits":[{"pageSize":"","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found ""`},
		{r, `{"hugepageLimits":[{"pageSize":"B","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "B"`},
		{r, `{"hugepageLimits":[{"pageSize":"2","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "2"`},
		{r, `{"hugepageLimits":[{"pageSize":"2B","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "2B"`},
		{r, `{"hugepageLimits":[{"pageSize":"2M","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "2M"`},
		{r, `{"hugepageLimits":[{"pageSize":"2TB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "2TB"`},
		{r, `{"hugepageLimits":[{"pageSize":"1024MB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "1024MB"`},
		{r, `{"hugepageLimits":[{"pageSize":"02MB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "02MB"`},
		{r, `{"hugepageLimits":[{"pageSize":"+2MB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "+2MB"`},
		{r, `{"hugepageLimits":[{"pageSize":"0MB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "0MB"`},
		{r, `{"hugepageLimits":[{"pageSize":"65538MB","limit":0}]}`, r + `/hugepageLimits/0/pageSize: must be a page size as the kernel writes it, like 64KB, 2MB or 1GB, found "65538MB"`},
		{r, `{"hugepageLimits":[{"pageSize":"512MB","limit":0}]}`, ""},
		{r, `{"hugepageLimits":[{"pageSize":"2MB","limit":0},{"pageSize":"2MB","limit":1}]}`, r + `/hugepageLimits/1/pageSize: duplicate limit for 2MB`},
		{r, `{"network":{"classID":1048577,"priorities":[{"name":"eth0","priority":5}]}}`, ""},
		{r, `{"network":{"priorities":[{"name":"a b","priority":5}]}}`, r + `/network/priorities/0/name: not a network device's name: "a b"`},
		{r, `{"rdma":{"mlx5_1":{"hcaHandles":3}}}`, ""},
		{r, `{"rdma":{"mlx5_1":{}}}`, r + `/rdma/mlx5_1: hcaHandles or hcaObjects is required`},
		{r, `{"rdma":{"a b":{"hcaHandles":3}}}`, r + `/rdma/a b: not a device's name`},
		{r, `{"unified":{"memory.high":"1","hugetlb.2MB.rsvd.max":"1","io.max":"8:0 rbps=1\n8:16 rbps=1","cgroup.max.depth":"3"}}`, ""},
		{r, `{"unified":{"../x":"1"}}`, r + `/unified/..~1x: not the name of a cgroup file (CONTROLLER.NAME)`},
		{r, `{"unified":{"a..b":"1"}}`, r + `/unified/a..b: not the name of a cgroup file (CONTROLLER.NAME)`},
		{r, `{"unified":{"":"1"}}`, r + `/unified/: not the name of a cgroup file (CONTROLLER.NAME)`},
		{r, `{"unified":{"tasks":"1"}}`, r + `/unified/tasks: not the name of a cgroup file (CONTROLLER.NAME)`},
		{r, `{"unified":{"cgroup.procs":"1"}}`, r + `/unified/cgroup.procs: does not set a resource`},
	})
}

func TestParseList(t *testing.T) {
	for _, tt := range []struct {
		list string
		want []uint64
		bad  bool
	}{
		{"0", []uint64{1}, false},
		{"0-3,5", []uint64{0x2f}, false},
		{"63-64", []uint64{1 << 63, 1}, false},
		{"0-15:2/4", []uint64{0x3333}, false},
		{" 1 ,2\n", []uint64{6}, false},
		{"3-3", []uint64{8}, false},
		{"0-3:2/2", []uint64{15}, false},
		{"000000001", []uint64{2}, false},
		{"0000000001", nil, true},
		{"127", []uint64{0, 1 << 63}, false},
		{"128", nil, true}, {"", nil, true}, {"-", nil, true}, {"1-", nil, true}, {"-1", nil, true}, {"2-1", nil, true}, {"a", nil, true},
		{"0-3:0/2", nil, true}, {"0-3:3/2", nil, true}, {"0-3:1", nil, true}, {"0:1/2", nil, true}, {"0-3:1/0", nil, true},
		{"99999999999999999999", nil, true}, {"+1", nil, true}, {"0x1", nil, true},
	} {
		got, err := ParseList(tt.list, 128)
		if diff := cmp.Diff(tt.want, got); diff != "" || (err != nil) != tt.bad {
			t.Errorf("%q: %v %v", tt.list, got, err)
		}
	}
}
