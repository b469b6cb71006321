# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The containerd of containerd.bats and cri.bats.

SOCKET=/run/containerd/containerd.sock
IMAGE=docker.io/library/box:latest

ctr() { timeout --foreground -k 5 "${LIMIT:-60}" /usr/bin/ctr --address "$SOCKET" "$@" 3>&- 4>&-; }

# containerd_up [LINE...]: start it with the documented config.toml, to which the lines are added.
containerd_up() {
	mkdir -p "$STATE/etc"
	snippet "$(containerd_snippet)" >"$STATE/etc/config.toml"
	printf '%s\n' "$@" >>"$STATE/etc/config.toml"
	daemon containerd /usr/bin/containerd --config "$STATE/etc/config.toml" --root "$STATE/containerd" \
		--state /run/containerd --address "$SOCKET"
	eventually 30 ctr version || {
		tail -n 20 "$STATE/containerd.log"
		return 1
	}
}

# containerd_snippet: version 2 has another scheme of configuration.
containerd_snippet() {
	if /usr/bin/containerd --version | grep -qE ' v?2\.'; then
		echo config-v3.toml
	else
		echo config-v2.toml
	fi
}
