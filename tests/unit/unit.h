/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_UNIT_H
#define XSOCKET_TESTS_UNIT_H

/*
 * What the unit tests share: cmocka with the headers it needs, and looks at the own process.
 *
 * A failed assertion jumps out of the test, so they belong into the test's own thread. Helpers
 * that run in other threads and processes abort with a message instead (must()).
 */

#include "tests/musl/libc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* How many descriptors this process has. */
unsigned fds_count(void);

/* The number that the next descriptor of this process will get. */
int fds_lowest(void);

/* As fcntl(2) and getsockopt(2) tell. */
bool fd_is_cloexec(int fd);
bool fd_is_nonblocking(int fd);
bool fd_is_socket(int fd, int type, int protocol);

/* Closes descriptors, each of which must be one. */
void fds_close(const int *fds, unsigned count);

/* Lets this process have `spare` descriptors more than it has, until fds_unlimit(). */
void fds_limit(unsigned spare);
void fds_unlimit(void);

/* CLOCK_MONOTONIC */
int64_t now_ms(void);

/* A directory of its own, and removing it with all that is in it. */
struct temp {
	char path[64];
};
void temp_make(struct temp *temp);
void temp_remove(struct temp *temp);

/* One for each test of a program, as cmocka makes and removes it before and after. */
extern struct temp temp_fixture;
int temp_setup(void **state);
int temp_teardown(void **state);

/* Writes "DIRECTORY/name" to path, which holds 128 bytes. */
void temp_path(const struct temp *temp, const char *name, char path[128]);

/* SIGALRM every millisecond, to a handler that does nothing and does not restart calls. */
void storm_begin(void);
void storm_end(void);
unsigned storm_signals(void); /* since it began */

/* Ends the process when a condition of the test itself does not hold. */
void must_hold(bool condition, const char *text, const char *file, int line);
#define must(condition) must_hold((condition), #condition, __FILE__, __LINE__)

#endif
