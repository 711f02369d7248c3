/* SPDX-License-Identifier: MIT */
/*
 * The choice of engine.
 *
 * Copying (recv(2), send(2)) through one buffer that stays in the CPU's cache is best for
 * what comes in small pieces: two system calls for each. splice(2) moves pages through a pipe
 * without touching the bytes, which is best for bulk, but takes a system call more and
 * cannot carry urgent data. So a flow begins by copying, is spliced once its pieces are large, and
 * is copied again when they have become small. A pipe is lent to a flow only while there is
 * something in it.
 */
#include "bridge/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int engine_put(struct flow *flow, const void *data, size_t size)
{
	size_t held = flow->rest_end - flow->rest_at;
	unsigned char *grown = malloc(held + size);

	if (!grown)
		return -ENOMEM;
	if (held > 0)
		memcpy(grown, flow->rest + flow->rest_at, held);
	memcpy(grown + held, data, size);
	free(flow->rest);
	flow->rest = grown;
	flow->rest_at = 0;
	flow->rest_end = (uint32_t)(held + size);
	return 0;
}

bool engine_holds(const struct flow *flow)
{
	return flow->rest || flow->pipe;
}

int engine_run(struct worker *worker, struct flow *flow)
{
	bool splice = flow->pipe || (flow->bulk && !flow->rest && !flow->urgent);

	return splice ? engine_splice(worker, flow) : engine_copy(worker, flow);
}
