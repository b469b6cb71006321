# SPDX-License-Identifier: Apache-2.0
# Made from the command table by: go test -run Completions -update .
# shellcheck shell=bash

# _kist_ids: the containers of the state directory that the line names.
_kist_ids() {
	kist ${root:+--root "$root"} list --quiet 2>/dev/null
}

# _kist_value FLAG: sets values and action to what can follow the flag; fails if nothing does.
_kist_value() {
	values='' action=''
	case $command:$1 in
	:--log|:-log) action='file' ;;
	:--log-format|:-log-format) values='text json' ;;
	:--root|:-root) action='directory' ;;
	:--cgroup-manager|:-cgroup-manager) values='cgroupfs systemd disabled' ;;
	:--rootless|:-rootless) values='true false auto' ;;
	apparmor:--profile|apparmor:-profile) : ;;
	checkpoint:--image-path|checkpoint:-image-path) action='directory' ;;
	checkpoint:--work-path|checkpoint:-work-path) action='directory' ;;
	checkpoint:--manage-cgroups-mode|checkpoint:-manage-cgroups-mode) values='soft full strict ignore' ;;
	checkpoint:--empty-ns|checkpoint:-empty-ns) : ;;
	checkpoint:--parent-path|checkpoint:-parent-path) action='directory' ;;
	checkpoint:--status-fd|checkpoint:-status-fd) : ;;
	checkpoint:--page-server|checkpoint:-page-server) : ;;
	checkpoint:--network-lock|checkpoint:-network-lock) values='iptables nftables skip' ;;
	create:--bundle|create:-bundle|create:-b) action='directory' ;;
	create:--config|create:-config|create:-f) action='file' ;;
	create:--console-socket|create:-console-socket) action='file' ;;
	create:--pidfd-socket|create:-pidfd-socket) action='file' ;;
	create:--pid-file|create:-pid-file) action='file' ;;
	create:--preserve-fds|create:-preserve-fds) : ;;
	events:--interval|events:-interval) : ;;
	exec:--console-socket|exec:-console-socket) action='file' ;;
	exec:--pidfd-socket|exec:-pidfd-socket) action='file' ;;
	exec:--cwd|exec:-cwd) action='directory' ;;
	exec:--user|exec:-user|exec:-u) : ;;
	exec:--process|exec:-process|exec:-p) action='file' ;;
	exec:--pid-file|exec:-pid-file) action='file' ;;
	exec:--process-label|exec:-process-label) : ;;
	exec:--apparmor|exec:-apparmor) : ;;
	exec:--preserve-fds|exec:-preserve-fds) : ;;
	exec:-e) : ;;
	exec:--env|exec:-env) : ;;
	exec:-g) : ;;
	exec:--additional-gids|exec:-additional-gids) : ;;
	exec:-c) values='CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE' ;;
	exec:--cap|exec:-cap) values='CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE' ;;
	exec:--cgroup|exec:-cgroup) : ;;
	import:--lxc-version|import:-lxc-version) : ;;
	import:--set|import:-set) : ;;
	import:--name|import:-name) : ;;
	import:--lxcpath|import:-lxcpath) action='directory' ;;
	import:--report|import:-report) action='file' ;;
	import:--format|import:-format) values='table json' ;;
	import:--explain|import:-explain) : ;;
	list:--format|list:-format|list:-f) values='table json' ;;
	lxc-console:--tty|lxc-console:-tty|lxc-console:-t) : ;;
	plan:--exec|plan:-exec) values=$(_kist_ids) ;;
	plan:--config|plan:-config|plan:-f) action='file' ;;
	plan:--facts|plan:-facts) action='file' ;;
	ps:--format|ps:-format|ps:-f) values='table json' ;;
	restore:--image-path|restore:-image-path) action='directory' ;;
	restore:--work-path|restore:-work-path) action='directory' ;;
	restore:--manage-cgroups-mode|restore:-manage-cgroups-mode) values='soft full strict ignore' ;;
	restore:--empty-ns|restore:-empty-ns) : ;;
	restore:--bundle|restore:-bundle|restore:-b) action='directory' ;;
	restore:--console-socket|restore:-console-socket) action='file' ;;
	restore:--pid-file|restore:-pid-file) action='file' ;;
	restore:--lsm-profile|restore:-lsm-profile) values='apparmor selinux' ;;
	restore:--lsm-mount-context|restore:-lsm-mount-context) : ;;
	run:--bundle|run:-bundle|run:-b) action='directory' ;;
	run:--config|run:-config|run:-f) action='file' ;;
	run:--console-socket|run:-console-socket) action='file' ;;
	run:--pidfd-socket|run:-pidfd-socket) action='file' ;;
	run:--pid-file|run:-pid-file) action='file' ;;
	run:--preserve-fds|run:-preserve-fds) : ;;
	spec:--bundle|spec:-bundle|spec:-b) action='directory' ;;
	spec:--file|spec:-file|spec:-f) : ;;
	spec:--check|spec:-check) action='directory' ;;
	update:--resources|update:-resources|update:-r) action='file' ;;
	update:--blkio-weight|update:-blkio-weight) : ;;
	update:--cpu-period|update:-cpu-period) : ;;
	update:--cpu-quota|update:-cpu-quota) : ;;
	update:--cpu-burst|update:-cpu-burst) : ;;
	update:--cpu-share|update:-cpu-share) : ;;
	update:--cpu-rt-period|update:-cpu-rt-period) : ;;
	update:--cpu-rt-runtime|update:-cpu-rt-runtime) : ;;
	update:--cpuset-cpus|update:-cpuset-cpus) : ;;
	update:--cpuset-mems|update:-cpuset-mems) : ;;
	update:--memory|update:-memory) : ;;
	update:--memory-reservation|update:-memory-reservation) : ;;
	update:--memory-swap|update:-memory-swap) : ;;
	update:--pids-limit|update:-pids-limit) : ;;
	update:--l3-cache-schema|update:-l3-cache-schema) : ;;
	update:--mem-bw-schema|update:-mem-bw-schema) : ;;
	update:--cpu-idle|update:-cpu-idle) values='0 1' ;;
	*) return 1 ;;
	esac
}

# _kist_flags: the flags of $command.
_kist_flags() {
	case $command in
	'') echo '--debug --log --log-format --root --systemd-cgroup --cgroup-manager --rootless --help --version' ;;
	apparmor) echo '--profile --help' ;;
	check) echo '--json --help' ;;
	checkpoint) echo '--image-path --work-path --tcp-established --ext-unix-sk --shell-job --lazy-pages --file-locks --manage-cgroups-mode --empty-ns --auto-dedup --parent-path --leave-running --tcp-skip-in-flight --link-remap --status-fd --page-server --pre-dump --network-lock --help' ;;
	create) echo '--bundle --config --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds --trace --help' ;;
	delete) echo '--force --regex --help' ;;
	events) echo '--interval --stats --help' ;;
	exec) echo '--console-socket --pidfd-socket --cwd --tty --user --process --detach --pid-file --process-label --apparmor --no-new-privs --preserve-fds --ignore-paused --trace -e --env -g --additional-gids -c --cap --cgroup --help' ;;
	features) echo '--help' ;;
	import) echo '--lxc-version --set --name --lxcpath --strict --report --format --explain --help' ;;
	kill) echo '--all --regex --help' ;;
	list) echo '--format --quiet --help' ;;
	lxc-console) echo '--tty --help' ;;
	pause) echo '--help' ;;
	plan) echo '--exec --config --json --facts --print-facts --diff --no-pivot --help' ;;
	ps) echo '--format --help' ;;
	restore) echo '--image-path --work-path --tcp-established --ext-unix-sk --shell-job --lazy-pages --file-locks --manage-cgroups-mode --empty-ns --auto-dedup --bundle --console-socket --pid-file --detach --no-subreaper --no-pivot --tcp-close --lsm-profile --lsm-mount-context --help' ;;
	resume) echo '--help' ;;
	run) echo '--bundle --config --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds --trace --detach --keep --no-subreaper --help' ;;
	spec) echo '--bundle --file --rootless --check --help' ;;
	start) echo '--help' ;;
	state) echo '--help' ;;
	update) echo '--resources --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --l3-cache-schema --mem-bw-schema --cpu-idle --help' ;;
	esac
}

_kist() {
	local command='' root='' values action word i operands=0
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	# Bash makes three words of --flag=value.
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -* ]]; then
			if _kist_value "$word"; then
				[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
				((i++))
				[[ -z $command && $word == *-root && $i -lt $COMP_CWORD ]] && root=${COMP_WORDS[i]}
			elif [[ ${COMP_WORDS[i + 1]} == = ]]; then
				((i += 2))
			fi
		elif [[ -z $command ]]; then
			command=$word
		else
			((operands++))
		fi
	done
	values='' action=''
	if [[ $prev == -* ]] && _kist_value "$prev"; then
		:
	elif [[ $cur == -* ]]; then
		values=$(_kist_flags)
	elif [[ -z $command ]]; then
		values='apparmor check checkpoint create delete events exec features import kill list lxc-console pause plan ps restore resume run spec start state update'
	else
		case $command:$operands in
		checkpoint:0|delete:0|events:0|exec:0|kill:0|lxc-console:0|pause:0|ps:0|resume:0|start:0|state:0|update:0) values=$(_kist_ids) ;;
		kill:1) values='HUP INT QUIT KILL USR1 USR2 TERM CONT STOP WINCH' ;;
		apparmor:0) values='load show status unload' ;;
		plan:[01]) action='directory' ;;
		import:[01]) action='file' ;;
		esac
	fi
	if [[ -n $action ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -A "$action" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
	fi
}

complete -F _kist kist
