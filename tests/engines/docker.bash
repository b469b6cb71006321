# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The Docker daemon and client of the docker*.bats files.

export DOCKER_HOST=unix:///run/docker.sock DOCKER_CONFIG=$STATE/home/.docker DOCKER_BUILDKIT=0

docker() { timeout --foreground -k 5 "${LIMIT:-90}" /usr/bin/docker "$@" 3>&- 4>&-; }
export -f docker # for bash -c

# docker_up [FLAG...]: start the daemon with the documented daemon.json, as the jq filter $SETTINGS changes it, and wait
# for its socket.
docker_up() {
	mkdir -p "$STATE/etc"
	snippet daemon.json | jq "${SETTINGS:-.}" >"$STATE/etc/daemon.json"
	can_nat || set -- --iptables=false --ip6tables=false "$@"
	daemon dockerd /usr/sbin/dockerd --config-file "$STATE/etc/daemon.json" --data-root "$STATE/docker" \
		--exec-root /run/docker --pidfile /run/docker.pid --host "$DOCKER_HOST" --group root \
		--cgroup-parent "/$ENGINES_CGROUP" --exec-opt native.cgroupdriver=cgroupfs "$@"
	eventually 60 docker version || {
		tail -n 20 "$STATE/dockerd.log"
		return 1
	}
}

# can_nat: the kernel has what Docker's own rules need.
can_nat() { iptables -w -t nat -L -n >/dev/null 2>&1; }

# docker_image: the image "box".
docker_image() { docker import "$STATE/rootfs.tar" box >/dev/null; }

# docker_down: all containers and the daemon.
docker_down() {
	docker_clean
	halt dockerd
}

docker_clean() {
	local all
	all=$(docker ps -aq)
	# shellcheck disable=SC2086 # a list of ids
	[ -z "$all" ] || docker rm -f $all >/dev/null
}

# inspect CONTAINER TEMPLATE
inspect() { docker inspect -f "{{$2}}" "$1"; }

# says CONTAINER TEXT: it is in the log.
says() { docker logs "$1" 2>&1 | grep -qF -- "$2"; }

# state CONTAINER WORD: its status is that.
state() { [ "$(inspect "$1" .State.Status)" = "$2" ]; }
