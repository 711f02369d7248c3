/* SPDX-License-Identifier: MIT */
#include "xredirect/thread.h"

#include "lib/context.h"
#include "xredirect/next.h"

#include <errno.h>
#include <stdlib.h>

/* What a thread needs to begin, handed over to it. */
struct beginning {
	struct context context;
	void *(*start)(void *);
	thrd_start_t start_c11;
	void *argument;
};

/* Returns NULL where there is no memory. */
static struct beginning *beginning_new(void *(*start)(void *), thrd_start_t c11, void *argument)
{
	struct beginning *beginning = malloc(sizeof(*beginning));

	if (!beginning)
		return NULL;
	*beginning = (struct beginning){.start = start, .start_c11 = c11, .argument = argument};
	if (context_copy(&beginning->context) < 0) {
		free(beginning);
		return NULL;
	}
	return beginning;
}

/* The thread did not come to be. */
static void beginning_free(struct beginning *beginning)
{
	context_drop(&beginning->context);
	free(beginning);
}

static struct beginning take_over(void *data)
{
	struct beginning beginning = *(struct beginning *)data;

	free(data);
	context_adopt(&beginning.context);
	return beginning;
}

static void *begin(void *data)
{
	struct beginning beginning = take_over(data);

	return beginning.start(beginning.argument);
}

static int begin_c11(void *data)
{
	struct beginning beginning = take_over(data);

	return beginning.start_c11(beginning.argument);
}

int thread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	struct beginning *beginning;
	int r;

	if (!context_current())
		return next_pthread_create(thread, attributes, start, argument);
	beginning = beginning_new(start, NULL, argument);
	if (!beginning)
		return EAGAIN;
	r = next_pthread_create(thread, attributes, begin, beginning);
	if (r != 0)
		beginning_free(beginning);
	return r;
}

int thread_create_c11(thrd_t *thread, thrd_start_t start, void *argument)
{
	struct beginning *beginning;
	int r;

	if (!context_current())
		return next_thrd_create(thread, start, argument);
	beginning = beginning_new(NULL, start, argument);
	if (!beginning)
		return thrd_nomem;
	r = next_thrd_create(thread, begin_c11, beginning);
	if (r != thrd_success)
		beginning_free(beginning);
	return r;
}
