#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Podman: pods, Kubernetes' documents, user namespaces, readiness, building.

load helpers
load podman

setup_file() {
	podman_up
	# The pod's first container: an image of our own in place of one that Podman would build.
	mkdir "$STATE/pause"
	printf 'FROM scratch\nADD rootfs.tar /\nENTRYPOINT ["/bin/sleep", "100000"]\n' >"$STATE/pause/Dockerfile"
	ln "$STATE/rootfs.tar" "$STATE/pause/rootfs.tar"
	podman build -t pause "$STATE/pause" >/dev/null
	sed -i 's/^\[engine\]$/[engine]\ninfra_image = "localhost\/pause"/' "$STATE/etc/containers.conf"
}
teardown_file() { podman_down; }
teardown() { podman_clean; }

# subids: ranges for the user "containers", which --userns=auto uses, without a trace in the machine's files.
subids() {
	[ -e "$STATE/subuid" ] && return
	printf 'containers:200000:655360\nroot:900000:65536\n' | tee "$STATE/subuid" >"$STATE/subgid"
	mount --bind "$STATE/subuid" /etc/subuid
	mount --bind "$STATE/subgid" /etc/subgid
	chmod 711 "$STATE"
}

@test "podman build: RUN with kist" {
	mkdir "$BATS_TEST_TMPDIR/context"
	ln "$STATE/rootfs.tar" "$BATS_TEST_TMPDIR/context/rootfs.tar"
	cat >"$BATS_TEST_TMPDIR/context/Dockerfile" <<-'END'
		FROM scratch
		ADD rootfs.tar /
		RUN echo built >/made && id -u
		USER user
		RUN ! touch /not-mine 2>/dev/null
		CMD cat /made; id -un
	END
	run -0 podman build -t built "$BATS_TEST_TMPDIR/context"
	run -0 podman run --rm built
	is $'built\nuser'
	printf 'FROM box\nRUN exit 12\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	run ! podman build "$BATS_TEST_TMPDIR/context"
	has 12
}

@test "buildah: run in a working container" {
	local b=(timeout 60 buildah --root "$STATE/podman" --runroot /run/containers/storage)
	id=$("${b[@]}" from --cgroup-parent "/$ENGINES_CGROUP-buildah" box)
	run -0 "${b[@]}" run --runtime /usr/local/bin/kist "$id" sh -c 'echo in buildah' 3>&-
	is "in buildah"
	"${b[@]}" rm "$id" >/dev/null
}

@test "a pod: shared namespaces, its life" {
	podman pod create --name p1 --infra-image pause --share net,ipc,uts,pid
	podman run -d --pod p1 --name a box sleep 1234
	podman run -d --pod p1 --name b box sleep 1000
	run -0 podman exec b sh -c 'ps; for n in net ipc uts pid; do readlink /proc/self/ns/$n; done'
	has "sleep 1234"
	other=$(podman exec a sh -c 'for n in net ipc uts pid; do readlink /proc/self/ns/$n; done')
	has "$other"
	podman pod pause p1
	podman pod unpause p1
	podman pod stop -t 0 p1
	run -0 podman ps -q
	is ""
	podman pod start p1
	run -0 podman ps -q
	[ "${#lines[@]}" -eq 3 ]
	podman pod rm -f -t 0 p1
}

@test "podman generate kube, play kube" {
	podman pod create --name p1 --infra-image pause
	podman run -d --pod p1 --name a box /bin/sh -c 'echo played; exec /bin/sleep 1000'
	podman generate kube p1 >"$BATS_TEST_TMPDIR/p.yaml"
	podman pod rm -f -t 0 p1
	podman play kube "$BATS_TEST_TMPDIR/p.yaml"
	eventually 10 bash -c 'podman logs p1-a | grep played'
	run -0 podman ps --format '{{.Names}}'
	has p1-a
	podman play kube --down "$BATS_TEST_TMPDIR/p.yaml"
}

@test "podman play kube: init containers, limits, security context, volumes" {
	mkdir "$BATS_TEST_TMPDIR/host"
	cat >"$BATS_TEST_TMPDIR/p.yaml" <<-END
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: settings}
		data: {word: from-the-map}
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: p2}
		spec:
		  hostname: the-pod
		  restartPolicy: Never
		  initContainers:
		    - {name: before, image: box, command: [/bin/sh, -c, "echo prepared >/shared/file"], volumeMounts: [{name: shared, mountPath: /shared}]}
		  containers:
		    - name: a
		      image: box
		      command: [/bin/sh, -c, "id -u; hostname; cat /shared/file; echo \$WORD; grep -E 'NoNewPrivs|CapBnd' /proc/self/status; touch /x || echo ro; sleep 1000"]
		      env: [{name: WORD, valueFrom: {configMapKeyRef: {name: settings, key: word}}}]
		      resources: {limits: {memory: 64Mi, cpu: 500m}}
		      securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
		      volumeMounts: [{name: shared, mountPath: /shared}, {name: host, mountPath: /host, readOnly: true}]
		  volumes:
		    - {name: shared, emptyDir: {}}
		    - {name: host, hostPath: {path: $BATS_TEST_TMPDIR/host, type: Directory}}
	END
	podman play kube "$BATS_TEST_TMPDIR/p.yaml"
	eventually 20 bash -c 'podman logs p2-a | grep -x ro'
	run -0 podman logs p2-a
	has $'1000\nthe-pod\nprepared\nfrom-the-map' $'CapBnd:\t0000000000000000' $'NoNewPrivs:\t1'
	run -0 podman exec p2-a /bin/sh -c 'PATH=/bin; cat /sys/fs/cgroup/memory*/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; ! touch /host/x 2>/dev/null && echo ro'
	is $'67108864\nro'
	podman play kube --down "$BATS_TEST_TMPDIR/p.yaml"
	podman volume prune -f >/dev/null
}

@test "--userns auto, explicit maps, id-mapped volumes; keep-id is for users" {
	subids
	run -0 podman run --rm --userns auto box sh -c 'id -u; cat /proc/self/uid_map | tr -s " "; touch /tmp/x && echo ok'
	[ "${lines[0]} ${lines[2]}" = "0 ok" ]
	[[ ${lines[1]} =~ ^\ 0\ [2-9][0-9]{5}\ [0-9]+$ ]]
	run -0 podman run --rm --uidmap 0:300000:1000 --gidmap 0:300000:1000 -v vol:/v:U --tmpfs /t box sh -c 'cat /proc/self/uid_map | tr -s " "; touch /v/x /t/x; stat -c %u /v/x'
	is $' 0 300000 1000\n0'
	podman run -d --name c1 --userns auto box sleep 1000
	run -0 podman exec c1 id -u
	is 0
	run -0 terminal podman exec -it c1 tty
	has /dev/pts/
	podman volume rm vol >/dev/null
	run ! podman run --rm --userns keep-id box true
	has keep-id
	mkdir "$BATS_TEST_TMPDIR/volume"
	touch "$BATS_TEST_TMPDIR/volume/of-root"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/volume"
	run -0 podman run --rm --uidmap 0:300000:1000 --gidmap 0:300000:1000 -v "$BATS_TEST_TMPDIR/volume:/v:idmap" box sh -c 'stat -c %u /v/of-root; touch /v/new'
	is 0
	[ "$(stat -c %u "$BATS_TEST_TMPDIR/volume/new")" -eq 0 ]
}

# The manager of a service: it writes what it is told to a file. NAME is that of its socket.
manager() {
	socat -u "UNIX-RECV:$1" "OPEN:$2,creat,append" 3>&- &
}

@test "--sdnotify container, conmon" {
	command -v socat >/dev/null || skip "socat is not installed"
	manager "$BATS_TEST_TMPDIR/notify" "$BATS_TEST_TMPDIR/told"
	local pid=$!
	eventually 5 test -S "$BATS_TEST_TMPDIR/notify"
	NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify podman run -d --sdnotify conmon --name c1 box sleep 1000
	eventually 10 grep -a READY=1 "$BATS_TEST_TMPDIR/told"
	grep -a MAINPID= "$BATS_TEST_TMPDIR/told"
	: >"$BATS_TEST_TMPDIR/told"
	# A static program of the tests' own is the client: busybox has none.
	NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify podman run -d --sdnotify container --name c2 -v "$PEER:/peer:ro" box sh -c \
		'echo "$NOTIFY_SOCKET"; until [ -e /tmp/go ]; do sleep 0.05; done; /peer send "$NOTIFY_SOCKET" READY=1; sleep 1000' &
	eventually 20 bash -c 'podman logs c2 | grep /run/notify/'
	run ! grep -a READY=1 "$BATS_TEST_TMPDIR/told"
	podman exec c2 touch /tmp/go
	eventually 20 grep -a READY=1 "$BATS_TEST_TMPDIR/told"
	grep -a MAINPID= "$BATS_TEST_TMPDIR/told"
	wait $!
	kill "$pid"
}

@test "network: a bridge, names, published ports" {
	podman network create n1 >/dev/null
	podman run -d --name server --net n1 -p 127.0.0.1:8088:80 box nc -ll -p 80 -e echo page
	address=$(podman inspect -f '{{(index .NetworkSettings.Networks "n1").IPAddress}}' server)
	run -0 podman run --rm --net n1 box sh -c "for i in \$(seq 50); do nc -w 2 $address 80 </dev/null && exit 0; sleep 0.2; done; exit 1"
	is page
	podman rm -f -t 0 server >/dev/null
	podman network rm n1 >/dev/null
}
