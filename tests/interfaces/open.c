/* SPDX-License-Identifier: MIT */
/*
 * Tells what opening files comes to, by each function that does: the first line of what is read,
 * or an errno.
 *
 *   open PATH...    each path by each function
 *   open all PATH   all that is in it, by fopen(3)
 *   open flags      /etc/hosts by open(2) and fopen(3), with different flags
 *   open pointers   paths that lead nowhere, or end with the page
 *   open made DIR   files that are made in a directory
 *   open signals    in a signal handler that interrupts the same
 *   open few        with a limit of few descriptors
 */
#include "tests/musl/libc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define HOSTS "/etc/hosts"

/* As they are exported, whatever the headers make of the names. */
#ifndef __GLIBC__
#undef open64
#undef openat64
#undef fopen64
#define open64	 open
#define openat64 openat
#define fopen64	 fopen
#endif

static int by_open(const char *path)
{
	return open(path, O_RDONLY);
}

static int by_open64(const char *path)
{
	return open64(path, O_RDONLY | O_CLOEXEC);
}

static int by_openat(const char *path)
{
	return openat(AT_FDCWD, path, O_RDONLY);
}

static int by_openat64(const char *path)
{
	return openat64(-1, path, O_RDONLY | O_CLOEXEC);
}

#ifdef __GLIBC__
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);

static int by_open_2(const char *path)
{
	return __open_2(path, O_RDONLY);
}

static int by_open64_2(const char *path)
{
	return __open64_2(path, O_RDONLY | O_CLOEXEC);
}

static int by_openat_2(const char *path)
{
	return __openat_2(AT_FDCWD, path, O_RDONLY);
}

static int by_openat64_2(const char *path)
{
	return __openat64_2(-1, path, O_RDONLY | O_CLOEXEC);
}
#endif

/* The descriptor of the stream, which stays open. */
static int by_stream(FILE *stream)
{
	return stream ? fileno(stream) : -1;
}

static int by_fopen(const char *path)
{
	return by_stream(fopen(path, "r"));
}

static int by_fopen64(const char *path)
{
	return by_stream(fopen64(path, "rbe"));
}

static const struct {
	const char *name;
	int (*function)(const char *path);
} functions[] = {
	{"open", by_open},
	{"open64", by_open64},
	{"openat", by_openat},
	{"openat64", by_openat64},
#ifdef __GLIBC__
	{"__open_2", by_open_2},
	{"__open64_2", by_open64_2},
	{"__openat_2", by_openat_2},
	{"__openat64_2", by_openat64_2},
#endif
	{"fopen", by_fopen},
	{"fopen64", by_fopen64},
};

static int lowest(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* errno was 99 before. */
static void tell(const char *what, const char *path, int fd, int wanted)
{
	char line[64] = "";
	ssize_t length;

	printf("%s %s: ", what, path);
	if (fd < 0) {
		printf("%s\n", strerrorname_np(errno));
		return;
	}
	printf("%serrno %s, ", fd == wanted ? "" : "another number, ",
		errno == 99 ? "left" : strerrorname_np(errno));
	length = read(fd, line, sizeof(line) - 1);
	if (length < 0)
		strcpy(line, strerrorname_np(errno));
	line[strcspn(line, "\n")] = '\0';
	printf("cloexec %d, mode %d, offset %d: %s\n", fcntl(fd, F_GETFD),
		fcntl(fd, F_GETFL) & O_ACCMODE, length > 0 && lseek(fd, 0, SEEK_CUR) == length,
		line);
	close(fd);
}

static void each_function(const char *path)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		int wanted = lowest(), fd;

		errno = 99;
		fd = functions[i].function(path);
		tell(functions[i].name, path, fd, wanted);
	}
}

static void each_flag(void)
{
	static const struct {
		const char *name;
		int flags;
	} flags[] = {
		{"O_RDONLY", O_RDONLY},
		{"O_NONBLOCK", O_NONBLOCK},
		{"O_NOFOLLOW", O_NOFOLLOW},
		{"O_CREAT", O_CREAT},
		{"O_CREAT|O_EXCL", O_CREAT | O_EXCL},
		{"O_DIRECTORY", O_DIRECTORY},
		{"O_PATH", O_PATH},
		{"O_RDWR", O_RDWR},
		{"O_WRONLY", O_WRONLY},
		{"O_WRONLY|O_APPEND", O_WRONLY | O_APPEND},
	};
	static const char *const modes[] = {"r", "rb", "re", "r+", "rb+", "a", "r,ccs=UTF-8", "x"};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		int wanted = lowest(), fd;

		errno = 99;
		fd = open(HOSTS, flags[i].flags, 0644);
		tell("open", flags[i].name, fd, wanted);
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int wanted = lowest(), fd;

		errno = 99;
		fd = by_stream(fopen(HOSTS, modes[i]));
		/* Of fopen(3) this is not said. */
		errno = fd < 0 ? errno : 99;
		tell("fopen", modes[i], fd, wanted);
	}
}

/* How far nothing can be read behind a page. Beyond that anything may be mapped. */
#define NOTHING (1 << 18)

/* A text that ends with the page, behind which nothing can be read. */
static const char *at_end(const char *text, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(
		NULL, page + NOTHING, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + page, NOTHING, PROT_NONE) < 0)
		exit(1);
	return memcpy(pages + page - size, text, size);
}

static void each_pointer(void)
{
	const char *gone = at_end("", 1) + 1;
	/* The compiler would say that they lead nowhere. */
	const char *volatile paths[] = {NULL, (const char *)1, (const char *)-1, gone,
		gone + NOTHING / 2, at_end("/etc/hosts", 10), at_end("/etc/host", 10),
		at_end("/etc/hosts", 11), at_end("/etc/nsswitch.conf", 19),
		at_end("/etc/nsswitch.conf", 15), at_end("/", 2)};
	/* Nor may a sanitizer. */
	int (*volatile opener)(const char *, int, ...) = open;
	int (*volatile opener_at)(int, const char *, int, ...) = openat;
	char number[32];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int wanted = lowest();

		snprintf(number, sizeof(number), "%zu", i);
		errno = 99;
		tell("open", number, opener(paths[i], O_RDONLY), wanted);
		errno = 99;
		tell("openat", number, opener_at(AT_FDCWD, paths[i], O_RDONLY), wanted);
		errno = 99;
		tell("open to write", number, opener(paths[i], O_WRONLY), wanted);
	}
}

static void tell_mode(const char *what, int fd)
{
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %o\n", what, status.st_mode);
	close(fd);
}

/* The mode is passed on, where there is one. */
static void make(const char *directory)
{
	int in = open(directory, O_RDONLY | O_DIRECTORY);

	umask(0);
	if (in < 0 || fchdir(in) < 0)
		exit(1);
	tell_mode("open", open("a", O_WRONLY | O_CREAT | O_EXCL, 0641));
	tell_mode("open64", open64("b", O_RDWR | O_CREAT, 0642));
	tell_mode("openat", openat(in, "c", O_RDONLY | O_CREAT, 0643));
	tell_mode("openat64", openat64(in, "d", O_RDONLY | O_CREAT, 0644));
	tell_mode("O_TMPFILE", open(".", O_TMPFILE | O_WRONLY, 0645));
	tell_mode("O_TMPFILE at", openat(in, ".", O_TMPFILE | O_RDWR, 0646));
}

/* ---- in a handler ---- */

static char expected[64];
static volatile sig_atomic_t handled, wrong;

static bool reads_expected(void)
{
	char line[64] = "";
	int fd = open(HOSTS, O_RDONLY);
	bool same = fd >= 0 && read(fd, line, sizeof(line) - 1) > 0 && strcmp(line, expected) == 0;

	close(fd);
	return same;
}

static void handle(int number)
{
	int saved_errno = errno;

	handled++;
	wrong += !reads_expected();
	errno = saved_errno;
}

static void in_signals(void)
{
	struct itimerval each = {{0, 2000}, {0, 2000}};
	struct sigaction action = {.sa_handler = handle};
	int fd = open(HOSTS, O_RDONLY), before;

	if (fd < 0 || read(fd, expected, sizeof(expected) - 1) <= 0)
		exit(1);
	close(fd);
	before = lowest();
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
	while (handled < 100)
		wrong += !reads_expected();
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
	printf("wrong %d, left open %d\n", wrong, lowest() - before);
}

static void print_all(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		fputs(line, stdout);
}

static void with_few(void)
{
	struct rlimit limit;
	int number = lowest();

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)number;
	setrlimit(RLIMIT_NOFILE, &limit);
	errno = 99;
	tell("open", HOSTS, open(HOSTS, O_RDONLY), number);
	errno = 99;
	tell("fopen", HOSTS, by_stream(fopen(HOSTS, "r")), number);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "flags") == 0)
		each_flag();
	else if (strcmp(what, "pointers") == 0)
		each_pointer();
	else if (strcmp(what, "made") == 0 && argc > 2)
		make(argv[2]);
	else if (strcmp(what, "all") == 0 && argc > 2)
		print_all(argv[2]);
	else if (strcmp(what, "signals") == 0)
		in_signals();
	else if (strcmp(what, "few") == 0)
		with_few();
	else
		for (int i = 1; i < argc; i++)
			each_function(argv[i]);
	return 0;
}
