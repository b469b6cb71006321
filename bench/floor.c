// SPDX-License-Identifier: Apache-2.0
//go:build ignore
// (the go tool would take this file for cgo; bench/run compiles it)

/*
 * floor: the least that a container can cost.
 *
 * A bare C program that makes the system calls which `kist spec`'s default
 * container needs, with nothing around them: no configuration is read, no
 * state is kept, no error is explained. `make bench` shows the runtimes beside
 * it: what they take beyond it is their own doing.
 *
 *   floor run ROOTFS NAME PROGRAM [N]   make the cgroups NAME, run PROGRAM in
 *                                       the container (with N more mounts, of
 *                                       ROOTFS/etc on /mnt/0 and so on), and
 *                                       clean up
 *   floor exec NAME PID PROGRAM         run PROGRAM in the container of the
 *                                       process PID, whose cgroups are NAME
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_DIRS 32
static char dirs[MAX_DIRS][512];
static int ndirs, v2;
static const unsigned long cgroup_v1_magic = 0x27e0eb, cgroup_v2_magic = 0x63677270;

static int must(long r, const char *what)
{
	if (r < 0)
		err(1, "%s", what);
	return (int)r;
}

/* cgroups finds the hierarchies, and makes the cgroup NAME in each. */
static void cgroups(const char *name, int make)
{
	struct statfs fs;
	DIR *d;
	struct dirent *e;

	must(statfs("/sys/fs/cgroup", &fs), "statfs");
	v2 = (unsigned long)fs.f_type == cgroup_v2_magic;
	if (v2) {
		snprintf(dirs[ndirs++], sizeof(dirs[0]), "/sys/fs/cgroup/%s", name);
	} else {
		d = opendir("/sys/fs/cgroup");
		while (d && (e = readdir(d)) && ndirs < MAX_DIRS) {
			char hierarchy[300];
			snprintf(hierarchy, sizeof(hierarchy), "/sys/fs/cgroup/%s", e->d_name);
			/* Not a directory where nothing is mounted. */
			if (e->d_name[0] == '.' || e->d_type != DT_DIR || statfs(hierarchy, &fs) < 0 ||
			    (unsigned long)fs.f_type != cgroup_v1_magic)
				continue;
			snprintf(dirs[ndirs++], sizeof(dirs[0]), "%s/%s", hierarchy, name);
		}
		closedir(d);
	}
	for (int i = 0; make && i < ndirs; i++)
		must(mkdir(dirs[i], 0755), dirs[i]);
}

static void put(const char *dir, const char *file, const char *text)
{
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0 && strcmp(file, "tasks") == 0)
		err(1, "%s", path);
	close(fd);
}

static void limits(void)
{
	char buf[64];

	for (int i = 0; i < ndirs; i++) {
		if (strstr(dirs[i], "/cpuset/")) {
			char parent[300];
			int fd;
			ssize_t n;
			for (int k = 0; k < 2; k++) {
				const char *f = k ? "cpuset.mems" : "cpuset.cpus";
				snprintf(parent, sizeof(parent), "/sys/fs/cgroup/cpuset/%s", f);
				fd = open(parent, O_RDONLY | O_CLOEXEC);
				n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);
				if (fd >= 0)
					close(fd);
				buf[n > 0 ? n : 0] = 0;
				put(dirs[i], f, buf);
			}
		}
		if (strstr(dirs[i], "/devices/")) {
			put(dirs[i], "devices.deny", "a");
			put(dirs[i], "devices.allow", "c *:* m");
			put(dirs[i], "devices.allow", "b *:* m");
			for (int m = 3; m <= 9; m += m == 3 || m == 5 ? 2 : 1) {
				snprintf(buf, sizeof(buf), "c 1:%d rwm", m);
				put(dirs[i], "devices.allow", buf);
			}
			put(dirs[i], "devices.allow", "c 5:0 rwm");
			put(dirs[i], "devices.allow", "c 5:2 rwm");
			put(dirs[i], "devices.allow", "c 136:* rwm");
			put(dirs[i], "devices.allow", "c 10:200 rwm");
		}
	}
}

static int target(int root, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static void attach(int root, int mnt, const char *path)
{
	int at = target(root, path);

	if (at < 0) {
		mkdirat(root, path + 1, 0755);
		at = must(target(root, path), path);
	}
	must(move_mount(mnt, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), path);
	close(at);
}

static int fs_mount(int root, const char *type, const char *path, const char *const *opts, unsigned attrs)
{
	int fs = must(fsopen(type, FSOPEN_CLOEXEC), type), mnt;

	for (; opts && opts[0]; opts += 2)
		must(fsconfig(fs, FSCONFIG_SET_STRING, opts[0], opts[1], 0), opts[0]);
	must(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), type);
	mnt = must(fsmount(fs, FSMOUNT_CLOEXEC, attrs), type);
	close(fs);
	attach(root, mnt, path);
	return mnt;
}

static void set_attr(int fd, unsigned flags, unsigned long set, unsigned long prop)
{
	struct mount_attr a = {.attr_set = set, .propagation = prop};

	must(mount_setattr(fd, "", AT_EMPTY_PATH | flags, &a, sizeof(a)), "mount_setattr");
}

static void mounts(int root)
{
	const char *dev[] = {"source", "tmpfs", "mode", "755", "size", "65536k", NULL};
	const char *pts[] = {"source", "devpts", "ptmxmode", "0666", "mode", "0620", "gid", "5", NULL};
	const char *shm[] = {"source", "shm", "mode", "1777", "size", "65536k", NULL};
	const unsigned safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

	close(fs_mount(root, "proc", "/proc", NULL, 0));
	close(fs_mount(root, "tmpfs", "/dev", dev, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME));
	close(fs_mount(root, "devpts", "/dev/pts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
	close(fs_mount(root, "tmpfs", "/dev/shm", shm, safe));
	close(fs_mount(root, "mqueue", "/dev/mqueue", NULL, safe));
	close(fs_mount(root, "sysfs", "/sys", NULL, safe | MOUNT_ATTR_RDONLY));
	if (v2) {
		close(fs_mount(root, "cgroup2", "/sys/fs/cgroup", NULL, safe | MOUNT_ATTR_RDONLY));
	} else {
		const char *mode[] = {"mode", "755", NULL};
		int cg = fs_mount(root, "tmpfs", "/sys/fs/cgroup", mode, safe);
		for (int i = 0; i < ndirs; i++) {
			char path[512], *name = strrchr(dirs[i], '/'), *slash;
			int m, at;
			*name = 0;
			slash = strrchr(dirs[i], '/');
			snprintf(path, sizeof(path), "%s", slash + 1);
			*name = '/';
			mkdirat(cg, path, 0755);
			m = must(open_tree(AT_FDCWD, dirs[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), dirs[i]);
			set_attr(m, 0, safe | MOUNT_ATTR_RDONLY, 0);
			at = must(openat(cg, path, O_PATH | O_CLOEXEC), path);
			must(move_mount(m, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), path);
			close(at);
			close(m);
		}
		set_attr(cg, 0, MOUNT_ATTR_RDONLY, 0);
		close(cg);
	}
}

/* binds mounts ROOTFS/etc n times, read-only. */
static void binds(int root, const char *rootfs, int n)
{
	char source[600], path[32];

	snprintf(source, sizeof(source), "%s/etc", rootfs);
	for (int i = 0; i < n; i++) {
		int m = must(open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), source);
		set_attr(m, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0);
		snprintf(path, sizeof(path), "/mnt/%d", i);
		attach(root, m, path);
		close(m);
	}
}

static void devices(int root)
{
	static const struct {
		const char *name;
		int major, minor;
	} nodes[] = {{"null", 1, 3},   {"zero", 1, 5},	  {"full", 1, 7},
		     {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
	int dev = must(target(root, "/dev"), "/dev");

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		must(mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)),
		     nodes[i].name);
	symlinkat("/proc/self/fd", dev, "fd");
	symlinkat("/proc/self/fd/0", dev, "stdin");
	symlinkat("/proc/self/fd/1", dev, "stdout");
	symlinkat("/proc/self/fd/2", dev, "stderr");
	symlinkat("pts/ptmx", dev, "ptmx");
	close(dev);
}

static void paths(int root)
{
	static const char *const masked[] = {"/proc/acpi",
					     "/proc/asound",
					     "/proc/kcore",
					     "/proc/keys",
					     "/proc/latency_stats",
					     "/proc/timer_list",
					     "/proc/timer_stats",
					     "/proc/sched_debug",
					     "/sys/firmware",
					     "/proc/scsi",
					     NULL};
	static const char *const readonly[] = {"/proc/bus",	      "/proc/fs", "/proc/irq", "/proc/sys",
					       "/proc/sysrq-trigger", NULL};
	int null = must(open("/dev/null", O_PATH | O_CLOEXEC), "null"), empty = -1, m;

	for (const char *const *p = masked; *p; p++) {
		struct stat st;
		int at = target(root, *p);
		if (at < 0)
			continue;
		must(fstatat(at, "", &st, AT_EMPTY_PATH), *p);
		if (!S_ISDIR(st.st_mode)) {
			m = must(open_tree(null, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), *p);
		} else if (empty < 0) {
			int fs = must(fsopen("tmpfs", FSOPEN_CLOEXEC), "tmpfs");
			must(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "tmpfs");
			m = empty = must(fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY), "tmpfs");
			close(fs);
		} else {
			m = must(open_tree(empty, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), *p);
		}
		must(move_mount(m, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), *p);
		if (m != empty)
			close(m);
		close(at);
	}
	for (const char *const *p = readonly; *p; p++) {
		int at = target(root, *p);
		if (at < 0)
			continue;
		m = must(open_tree(at, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), *p);
		set_attr(m, 0, MOUNT_ATTR_RDONLY, 0);
		must(move_mount(m, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), *p);
		close(m);
		close(at);
	}
}

static void credentials(void)
{
	const unsigned long keep = 1ul << CAP_AUDIT_WRITE | 1ul << CAP_KILL | 1ul << CAP_NET_BIND_SERVICE;
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{(unsigned)keep, (unsigned)keep, 0}, {0, 0, 0}};

	for (unsigned long c = 0; c <= 40; c++)
		if (!(keep & 1ul << c))
			prctl(PR_CAPBSET_DROP, c);
	must(syscall(SYS_setgroups, 0, NULL), "setgroups");
	must(syscall(SYS_setresgid, 0, 0, 0), "setresgid");
	must(syscall(SYS_setresuid, 0, 0, 0), "setresuid");
	must(syscall(SYS_capset, &h, d), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static _Noreturn void become(const char *program)
{
	char *argv[] = {(char *)program, NULL}, *env[] = {"PATH=/bin", "TERM=xterm", "HOME=/", NULL};

	credentials();
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	execve(program, argv, env);
	err(127, "%s", program);
}

static _Noreturn void child(const char *rootfs, const char *program, int go, int extra)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int s, slash, root, at;
	char c;

	setsid();
	must(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET), "unshare");
	s = must(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	ioctl(s, SIOCSIFFLAGS, &ifr);
	close(s);
	sethostname("floor", 5);
	slash = must(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), "/");
	set_attr(slash, AT_RECURSIVE, 0, MS_SLAVE);
	at = must(open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC), rootfs);
	root = must(open_tree(AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), rootfs);
	must(move_mount(root, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH), "rootfs");
	if (read(go, &c, 1) != 1)
		_exit(1);
	if (v2)
		must(unshare(CLONE_NEWCGROUP), "unshare");
	/* By itself: a task moved by another waits for all forks and exits of the machine. */
	for (int i = 0; !v2 && i < ndirs; i++)
		put(dirs[i], "tasks", "0");
	umask(0);
	mounts(root);
	binds(root, rootfs, extra);
	devices(root);
	paths(root);
	must(fchdir(root), "fchdir");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount2");
	must(chdir("/"), "chdir");
	set_attr(root, 0, MOUNT_ATTR_RDONLY, 0);
	umask(022);
	become(program);
}

static int run(const char *rootfs, const char *name, const char *program, int extra)
{
	struct clone_args ca = {.flags = CLONE_NEWPID | CLONE_PIDFD, .exit_signal = SIGCHLD};
	int go[2], pidfd = -1, status, cg = -1;
	long pid;

	must(pipe2(go, O_CLOEXEC), "pipe");
	ca.pidfd = (unsigned long)&pidfd;
	cgroups(name, 1);
	if (v2) {
		cg = must(open(dirs[0], O_PATH | O_DIRECTORY | O_CLOEXEC), dirs[0]);
		ca.flags |= CLONE_INTO_CGROUP;
		ca.cgroup = (unsigned long)cg;
	}
	pid = syscall(SYS_clone3, &ca, sizeof(ca));
	if (pid == 0) {
		close(go[1]);
		child(rootfs, program, go[0], extra);
	}
	must(pid, "clone3");
	limits();
	if (write(go[1], "g", 1) != 1)
		err(1, "pipe");
	must(waitpid((pid_t)pid, &status, 0), "waitpid");
	for (int i = 0; i < ndirs; i++)
		rmdir(dirs[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int join(const char *name, pid_t pid, const char *program)
{
	struct clone_args ca = {.exit_signal = SIGCHLD};
	int pidfd, status;
	long child;

	pidfd = must(syscall(SYS_pidfd_open, pid, 0), "pidfd_open");
	cgroups(name, 0);
	if (v2) {
		ca.flags |= CLONE_INTO_CGROUP;
		ca.cgroup = (unsigned long)must(open(dirs[0], O_PATH | O_DIRECTORY | O_CLOEXEC), dirs[0]);
	} else {
		for (int i = 0; i < ndirs; i++)
			put(dirs[i], "tasks", "0");
	}
	must(setns(pidfd, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
				  (v2 ? CLONE_NEWCGROUP : 0)),
	     "setns");
	child = syscall(SYS_clone3, &ca, sizeof(ca));
	if (child == 0) {
		setsid();
		must(chdir("/"), "chdir");
		become(program);
	}
	must(child, "clone3");
	must(waitpid((pid_t)child, &status, 0), "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[1], "run") == 0)
		return run(argv[2], argv[3], argv[4], argc > 5 ? atoi(argv[5]) : 0);
	if (argc == 5 && strcmp(argv[1], "exec") == 0)
		return join(argv[2], atoi(argv[3]), argv[4]);
	errx(2, "usage: floor run ROOTFS NAME PROGRAM [MOUNTS] | floor exec NAME PID PROGRAM");
}
