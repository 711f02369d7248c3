/* SPDX-License-Identifier: MIT */
/*
 * Contexts, by libxsocket, which this program is linked with; or, as OPENED, which it opens for
 * itself alone. SERVER and OTHER_SERVER name two brokers.
 */
#include "tests/redirect/program.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <threads.h>

#ifdef OPENED
static int (*xsocket_push)(const char *);
static int (*xsocket_pop)(void);
static const char *(*xsocket_current)(void);
static int (*xsocket)(const char *, int, int, int);

static void open_library(void)
{
	void *handle = dlopen(getenv("LIBXSOCKET"), RTLD_NOW | RTLD_LOCAL);

	MUST(handle);
	xsocket_push = (int (*)(const char *))dlsym(handle, "xsocket_push");
	xsocket_pop = (int (*)(void))dlsym(handle, "xsocket_pop");
	xsocket_current = (const char *(*)(void))dlsym(handle, "xsocket_current");
	xsocket = (int (*)(const char *, int, int, int))dlsym(handle, "xsocket");
	MUST(xsocket_push && xsocket_pop && xsocket_current && xsocket);
}
#else
#include "lib/xsocket.h"

static void open_library(void)
{
}
#endif

#define THREADS 8
#define SOCKETS 200

/* The broker of the target, and another one. */
static const char *server, *other;

/* Where a new socket is. */
static const char *now(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *there = fd < 0 ? strerrorname_np(errno) : where(fd);

	close(fd);
	return there;
}

static void tell(const char *what)
{
	printf("%s: %s\n", what, now());
	fflush(stdout);
}

static void nested(void)
{
	int fd;

	printf("-- nested\n");
	tell("outside");
	SAY(xsocket_push(server));
	tell("one");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(xsocket_push(other));
	tell("two");
	SAY(xsocket_push("."));
	printf("current: %s\n", xsocket_current());
	tell("three");
	SAY(xsocket_push(server));
	tell("four");
	SAY(xsocket_push("/nowhere"));
	tell("nowhere");
	for (int i = 0; i < 5; i++) {
		SAY(xsocket_pop());
		tell("popped");
	}
	SAY(xsocket_pop());
	WHERE(fd);
	close(fd);
	fd = xsocket(server, AF_INET, SOCK_STREAM, 0);
	WHERE(fd);
	close(fd);
}

/* ---- threads ---- */

static atomic_int wrong, ready;

/* In its own context, and in none, together with all others. */
static void *hurry(void *data)
{
	const char *mine = (long)data % 2 ? server : other;
	const char *expected = (long)data % 2 ? "there" : "other", *before = now();

	atomic_fetch_add(&ready, 1);
	while (atomic_load(&ready) < THREADS)
		sched_yield();
	for (int i = 0; i < SOCKETS; i++) {
		xsocket_push(mine);
		atomic_fetch_add(&wrong, strcmp(now(), expected) != 0);
		if (i % 2) {
			xsocket_push(mine == server ? other : server);
			atomic_fetch_add(&wrong, strcmp(now(), expected) == 0);
			xsocket_pop();
		}
		xsocket_pop();
		atomic_fetch_add(&wrong, i % 10 == 0 && strcmp(now(), before) != 0);
	}
	return NULL;
}

static void at_once(void)
{
	pthread_t threads[THREADS];

	printf("-- at once\n");
	for (long i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, hurry, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("wrong: %d\n", atomic_load(&wrong));
	tell("outside");
}

static void *begin(void *data)
{
	tell(*(const char **)data);
	xsocket_pop();
	tell("popped");
	return data;
}

static int begin_c11(void *data)
{
	begin(data);
	return 77;
}

/* A thread that tells where it begins, and what its end tells. */
static void run_thread(const char *what, const pthread_attr_t *attributes)
{
	pthread_t thread;
	void *returned;

	MUST(pthread_create(&thread, attributes, begin, &what) == 0);
	MUST(pthread_join(thread, &returned) == 0 && returned == &what);
}

/* ThreadSanitizer does not know these. */
#ifdef __SANITIZE_THREAD__
static void run_c11(const char *what)
{
	run_thread(what, NULL);
	(void)begin_c11;
}
#else
static void run_c11(const char *what)
{
	thrd_t thread;
	int result;

	MUST(thrd_create(&thread, begin_c11, &what) == thrd_success);
	MUST(thrd_join(thread, &result) == thrd_success && result == 77);
}
#endif

static void begun(void)
{
	pthread_attr_t attributes;

	printf("-- begun\n");
	xsocket_push(server);
	xsocket_push(other);
	run_thread("thread", NULL);
	tell("still");
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 256 << 10);
	run_thread("with attributes", &attributes);
	run_c11("of C11");
	for (int i = 0; i < 100; i++)
		xsocket_push(i % 2 ? server : other);
	run_thread("deep", NULL);
	for (int i = 0; i < 102; i++)
		xsocket_pop();
	tell("outside");
	run_thread("outside", NULL);
}

/* ---- processes ---- */

static void wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	printf("status: %x\n", (unsigned)status);
	fflush(stdout);
}

static void children(char **argv)
{
	char executed[] = "executed", *arguments[] = {argv[0], executed, NULL};
	pid_t pid;

	printf("-- children\n");
	fflush(stdout);
	xsocket_push(server);
	tell("parent");
	pid = fork();
	if (pid == 0) {
		tell("child");
		xsocket_pop();
		tell("child popped");
		_exit(0);
	}
	wait_for(pid);
	tell("parent");
	MUST(posix_spawn(&pid, argv[0], NULL, NULL, arguments, environ) == 0);
	wait_for(pid);
	xsocket_pop();
}

/* ---- a signal handler with a context of its own ---- */

static volatile sig_atomic_t handled, handler_wrong;

static void handler(int number)
{
	int saved = errno;

	xsocket_push(other);
	handler_wrong |= strcmp(now(), "other") != 0;
	xsocket_pop();
	handled = handled + 1;
	errno = saved;
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct itimerval timer = {.it_interval.tv_usec = 300, .it_value.tv_usec = 300};
	const char *before = now();
	int bad = 0;

	printf("-- interrupted\n");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (handled < 200) {
		xsocket_push(server);
		bad += strcmp(now(), "there") != 0;
		xsocket_pop();
		bad += strcmp(now(), before) != 0;
	}
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	printf("bad: %d, in the handler: %d\n", bad, (int)handler_wrong);
}

int main(int argc, char **argv)
{
	server = getenv("SERVER");
	other = getenv("OTHER_SERVER");
	open_library();
	if (argc > 1) {
		tell(argv[1]);
		return 0;
	}
	nested();
	at_once();
	begun();
	children(argv);
	interrupted();
	return 0;
}
