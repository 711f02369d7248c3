/* SPDX-License-Identifier: MIT */
#include "xredirect/threads.h"

#include "lib/context.h"
#include "xredirect/next.h"

#include <errno.h>
#include <stdlib.h>

struct beginning {
	struct context context;
	void *(*start)(void *);
	void *argument;
};

static void *begin(void *data)
{
	struct beginning beginning = *(struct beginning *)data;

	free(data);
	context_adopt(&beginning.context);
	return beginning.start(beginning.argument);
}

int threads_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	struct beginning *beginning;
	int r;

	if (!context_current())
		return next_pthread_create(thread, attributes, start, argument);
	beginning = malloc(sizeof(*beginning));
	if (!beginning)
		return EAGAIN;
	beginning->start = start;
	beginning->argument = argument;
	if (context_copy(&beginning->context) < 0) {
		free(beginning);
		return EAGAIN;
	}
	r = next_pthread_create(thread, attributes, begin, beginning);
	if (r != 0) {
		context_drop(&beginning->context);
		free(beginning);
	}
	return r;
}
