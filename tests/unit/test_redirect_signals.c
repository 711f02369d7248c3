/* SPDX-License-Identifier: MIT */
/*
 * Signal handlers may interrupt what libxredirect does for socket(2) after each instruction, and
 * make sockets themselves, fork, or jump out of it and never come back. Whoever asks gets what
 * he asked for, and nothing is left behind but what a jump out of a call leaves.
 */
#include "tests/unit/steps.h"
#include "tests/unit/test_redirect_kept.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#define SIZE 20
#ifdef __SANITIZE_ADDRESS__
#define STRIDE 77 /* there are many more of them, and forks take long */
#else
#define STRIDE 7
#endif

static struct fake_broker broker;
static unsigned fds_before;

static int setup(void **state)
{
	static const struct fake_action *const serve[] = {fake_serve, NULL};

	fake_broker_start(&broker, serve);
	fds_before = fds_count();
	return 0;
}

static int teardown(void **state)
{
	fake_broker_end(&broker, fds_count());
	close_range(3, ~0u, 0);
	return 0;
}

#ifdef HAVE_STEPS
static volatile sig_atomic_t handled, wrong;

/* How many may be held for the call that is interrupted, and for the handler: 0 is no pool. */
static unsigned size;

static bool is_got(int type, int protocol)
{
	int fd = ask(&broker, size, AF_INET, type | SOCK_CLOEXEC, 0);

	return fd >= 0 && fd_is_socket(fd, type, protocol) && close(fd) == 0;
}

static void on_trap(void (*handler)(int))
{
	must(sigaction(SIGTRAP, &(struct sigaction){.sa_handler = handler}, NULL) == 0);
}

static void make_a_socket(int number)
{
	int saved_errno = errno;

	handled = handled + 1;
	/* One after another would take long. */
	if (handled % STRIDE != 0)
		return;
	/* of the kind that is asked for there, and of another one */
	if (handled % 2 ? !is_got(SOCK_DGRAM, IPPROTO_UDP) : !is_got(SOCK_STREAM, IPPROTO_TCP))
		wrong = wrong + 1;
	errno = saved_errno;
}

static pthread_key_t at_the_end;

/* Comes after what the library has to do at the end of a thread. */
static void thread_ends(void *data)
{
	steps_end();
}

/* From the first socket of a thread to its end. */
static void *step_through(void *data)
{
	int fds[4];

	must(pthread_setspecific(at_the_end, &at_the_end) == 0);
	on_trap(make_a_socket);
	steps_begin();
	for (unsigned i = 0; i < ELEMENTS(fds); i++)
		fds[i] = ask(&broker, size, AF_INET, SOCK_STREAM, 0);
	steps_end();
	for (unsigned i = 0; i < ELEMENTS(fds); i++)
		must(fd_is_socket(fds[i], SOCK_STREAM, IPPROTO_TCP) && close(fds[i]) == 0);
	steps_begin();
	return data;
}

static void handlers_make_sockets_after_each_instruction(void **state)
{
	must(pthread_key_create(&at_the_end, thread_ends) == 0);
	for (size = 0; size <= SIZE; size += SIZE) {
		handled = wrong = 0;
		in_thread(step_through, NULL);
		assert_int_equal(wrong, 0);
		assert_true(handled > 1000);
		if (size == 0)
			assert_int_equal(fds_count(), fds_before);
		assert_true(held() <= SIZE && kept_connections() <= 2);
	}
	must(pthread_key_delete(at_the_end) == 0);
}

/* ---- once, after so many instructions ---- */

static unsigned steps_left;
static bool came;

static bool is_now(void)
{
	if (came || steps_left-- > 0)
		return false;
	came = true;
	return true;
}

/* Runs in a child, since what has happened there cannot be undone. */
static void in_child(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	must(pid >= 0);
	if (pid == 0) {
		run();
		_exit(came ? 0 : 1);
	}
	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	came = WEXITSTATUS(status) == 0;
}

/* run, with a handler after the first instruction, and so on until it comes to its end. */
static void each(unsigned stride, void (*run)(void))
{
	unsigned at = 0;

	do {
		steps_left = at;
		came = false;
		in_child(run);
		at += stride;
	} while (came);
	/* That it has been interrupted at all. */
	assert_true(at > 4 * stride);
}

/* What a program does before and after it. */
static void use(void)
{
	for (unsigned i = 0; i < 3; i++)
		must(is_got(SOCK_STREAM, IPPROTO_TCP) && is_got(SOCK_DGRAM, IPPROTO_UDP));
}

static sigjmp_buf out_of_it;

static void jump(int number)
{
	if (is_now())
		siglongjmp(out_of_it, 1);
}

static void jump_out(void)
{
	unsigned before;

	use();
	before = fds_count();
	on_trap(jump);
	if (sigsetjmp(out_of_it, 1) == 0) {
		steps_begin();
		is_got(SOCK_STREAM, IPPROTO_TCP);
		steps_end();
	}
	/* A connection, what came by it, and one that was about to be its new number. */
	must(fds_count() <= before + size + 3);
	for (unsigned i = 0; i < 5; i++)
		use();
	must(fds_count() <= before + size + 3);
}

static void handlers_jump_out(void **state)
{
	for (size = 0; size <= SIZE; size += SIZE)
		each(size ? 10 * STRIDE : 6 * STRIDE, jump_out);
}

/*
 * As handlers do that start another program: the child does not go on with the call. Until then it
 * may have a copy of what the call was about to put away.
 */
static void start_a_child(int number)
{
	pid_t pid;
	int status;

	if (!is_now())
		return;
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		use();
		_exit(0);
	}
	use();
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

static void be_interrupted(void)
{
	int fd;

	use();
	on_trap(start_a_child);
	steps_begin();
	fd = ask(&broker, size, AF_INET, SOCK_STREAM, 0);
	steps_end();
	must(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP) && close(fd) == 0);
	use();
}

static void handlers_fork(void **state)
{
	for (size = 0; size <= SIZE; size += SIZE)
		each(size ? 10 * STRIDE : 6 * STRIDE, be_interrupted);
}

/* Both go on with the call that was interrupted. */
static pid_t other;

static void split(int number, siginfo_t *info, void *data)
{
	const ucontext_t *context = data;

	/* Where other handlers are held back, none would run. */
	if (sigismember(&context->uc_sigmask, SIGALRM) || !is_now())
		return;
	other = fork();
	must(other >= 0);
}

static void go_on(void)
{
	int fd, status;
	int64_t began = now_ms();

	must(sigaction(SIGTRAP, &(struct sigaction){.sa_sigaction = split, .sa_flags = SA_SIGINFO},
		     NULL) == 0);
	steps_begin();
	fd = ask(&broker, size, AF_INET, SOCK_STREAM, 0);
	steps_end();
	must(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP) && close(fd) == 0);
	/* Not even one has waited for what the other one got. */
	must(now_ms() - began < 5000);
	use();
	if (!came)
		return;
	if (other == 0) {
		must(kept_connections() <= (size ? 3 : 1) && held() <= size);
		_exit(0);
	}
	must(waitpid(other, &status, 0) == other && status == 0);
}

static void go_on_again(void)
{
	use();
	go_on();
}

static void children_of_handlers_go_on(void **state)
{
	for (size = 0; size <= SIZE; size += SIZE) {
		each((size ? 20 : 16) * STRIDE, go_on);
		each((size ? 20 : 16) * STRIDE, go_on_again);
	}
}
#endif

/* ---- a broker that is slow while somebody forks ---- */

static const struct fake_action slow[] = {FAKE_REQUEST, FAKE_GATE,
	FAKE_DESCRIPTORS(1, 1, FAKE_ASKED), FAKE_VERDICT(0, 1), FAKE_HANG_UP};

static void *ask_slowly(void *data)
{
	int fd = ask(&broker, SIZE, AF_INET, SOCK_STREAM, 0);

	must(fd_is_socket(fd, SOCK_STREAM, IPPROTO_TCP) && close(fd) == 0);
	return data;
}

static void a_fork_does_not_wait_for_ever(void **state)
{
	const struct fake_action *const scripts[] = {slow, fake_serve, NULL};
	int64_t began;
	pthread_t thread;
	int status;
	pid_t pid;

	fake_broker_stop(&broker);
	fake_broker_restart(&broker, scripts);
	must(pthread_create(&thread, NULL, ask_slowly, NULL) == 0);
	fake_broker_wait_gated(&broker, 1);
	began = now_ms();
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		int fd = ask(&broker, SIZE, AF_INET, SOCK_DGRAM, 0);

		_exit(fd_is_socket(fd, SOCK_DGRAM, IPPROTO_UDP) ? 0 : 1);
	}
	assert_true(now_ms() - began < 8000);
	must(waitpid(pid, &status, 0) == pid && status == 0);
	fake_broker_open_gate(&broker);
	must(pthread_join(thread, NULL) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAVE_STEPS
		TEST(handlers_make_sockets_after_each_instruction),
		TEST(handlers_jump_out),
		TEST(handlers_fork),
		TEST(children_of_handlers_go_on),
#endif
		TEST(a_fork_does_not_wait_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
