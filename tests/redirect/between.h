/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_TESTS_REDIRECT_BETWEEN_H
#define XSOCKET_TESTS_REDIRECT_BETWEEN_H

#include "tests/redirect/local.h"

/* What this thread does, once, in its next call, and when its next look is over (pause.c). */
extern _Thread_local void (*between)(void), (*after_look)(void);

/* The socket that it is about. */
extern int sock;

int udp(void);
int by_sendto(int fd, const char *address);

/* Says where the socket is, and what whoever must hear nothing has heard. */
void say_heard(void);

void interrupted_all(void);
void interrupted_look(const char *address);
void scheduled(void);

#endif
