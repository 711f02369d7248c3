/* SPDX-License-Identifier: MIT */
/*
 * splice(2) from one socket into a pipe, and from the pipe into the other socket.
 *
 * Traps:
 *   EAGAIN  from the first step may mean that the socket is empty or that the pipe is full (by
 *           pages, not bytes). It is about the socket when the pipe is empty.
 *   0       may come at the end of the stream, and also without it. So the end is left to recv(2):
 *           the flow is copied again.
 *   SIGPIPE is blocked in the whole process: splice(2) has no MSG_NOSIGNAL.
 *   1 MiB   of a pipe is 256 pages of the user's pipe-user-pages-soft (pipe(7)); above that pipes
 *           are made smaller, or not at all, and the flow is copied.
 *   urgent  bytes stop it, as they do recv(2), and it would never pass them: EPOLLPRI makes the
 *           flow be copied.
 */
#include "bridge/engine.h"
#include "bridge/streams.h"
#include "bridge/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIPE_SIZE     (1024 * 1024)
#define PIPE_SIZE_MIN (64 * 1024) /* else copying is better */
#define PIPES_MAX     32	  /* of a worker */
#define PIPES_SPARE   4
#define SHARE	      (4 * 1024 * 1024) /* of one turn */
#define SMALL_TURN    (32 * 1024)
#define SMALL_TURNS   16

static void pipe_free(struct engine_pipes *pipes, struct engine_pipe *pipe)
{
	close(pipe->in);
	close(pipe->out);
	free(pipe);
	pipes->n--;
}

static struct engine_pipe *pipe_new(struct engine_pipes *pipes)
{
	struct engine_pipe *pipe;
	int fds[2], size;

	if (pipes->n >= PIPES_MAX)
		return NULL;
	pipe = calloc(1, sizeof(*pipe));
	if (!pipe || pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(pipe);
		return NULL;
	}
	size = fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	if (size < 0)
		size = fcntl(fds[1], F_GETPIPE_SZ);
	pipe->out = fds[0];
	pipe->in = fds[1];
	pipe->size = size < 0 ? 0 : (size_t)size;
	pipes->n++;
	if (pipe->size >= PIPE_SIZE_MIN)
		return pipe;
	pipe_free(pipes, pipe);
	return NULL;
}

static struct engine_pipe *pipe_take(struct engine_pipes *pipes)
{
	struct engine_pipe *pipe = pipes->free;

	if (!pipe)
		return pipe_new(pipes);
	pipes->free = pipe->next;
	return pipe;
}

static void pipe_give_back(struct engine_pipes *pipes, struct engine_pipe *pipe)
{
	unsigned spare = 0;

	for (const struct engine_pipe *one = pipes->free; one; one = one->next)
		spare++;
	if (pipe->used > 0 || spare >= PIPES_SPARE) {
		pipe_free(pipes, pipe);
		return;
	}
	pipe->next = pipes->free;
	pipes->free = pipe;
}

void engine_drop(struct worker *worker, struct flow *flow)
{
	free(flow->rest);
	flow->rest = NULL;
	if (flow->pipe)
		pipe_give_back(&worker->streams->pipes, flow->pipe);
	flow->pipe = NULL;
}

void engine_pipes_free(struct engine_pipes *pipes)
{
	while (pipes->free) {
		struct engine_pipe *pipe = pipes->free;

		pipes->free = pipe->next;
		pipe_free(pipes, pipe);
	}
}

/* From the socket into the pipe. Returns how many bytes. */
static size_t fill(struct flow *flow)
{
	struct engine_pipe *pipe = flow->pipe;
	ssize_t n;

	if (!flow->readable || pipe->used >= pipe->size)
		return 0;
	n = splice(flow->from, NULL, pipe->in, NULL, pipe->size - pipe->used,
		SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0) {
		pipe->used += (size_t)n;
		return (size_t)n;
	}
	if (n == 0) {
		flow->bulk = false; /* most likely the end; or an urgent byte in front of it */
		flow->look = true;
	} else if (errno == EAGAIN) {
		flow->readable = pipe->used > 0;
	} else if (errno != EINTR) {
		flow->broken = (int16_t)errno; /* is told only once */
		flow->ended = true;
		flow->readable = false;
	}
	return 0;
}

/* From the pipe into the other socket. Returns the bytes, or a negative errno. */
static ssize_t empty(struct flow *flow)
{
	struct engine_pipe *pipe = flow->pipe;
	ssize_t n;

	if (!flow->writable || pipe->used == 0)
		return 0;
	n = splice(pipe->out, NULL, flow->to, NULL, pipe->used, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n < 0) {
		flow->writable = false;
		return 0;
	}
	pipe->used -= (size_t)n;
	flow->bytes += (uint64_t)n;
	return n;
}

/* Bulk has ended when turn after turn moves little. */
static void judge(struct flow *flow, size_t share)
{
	if (share >= SMALL_TURN)
		flow->streak = 0;
	else if (share > 0 && ++flow->streak >= SMALL_TURNS) {
		flow->streak = 0;
		flow->bulk = false;
	}
}

int engine_splice(struct worker *worker, struct flow *flow)
{
	size_t share = 0;
	bool more = true;

	if (!flow->pipe)
		flow->pipe = pipe_take(&worker->streams->pipes);
	if (!flow->pipe) {
		flow->bulk = false;
		return engine_copy(worker, flow);
	}
	while (more && share < SHARE) {
		size_t in = flow->bulk && !flow->urgent ? fill(flow) : 0;
		ssize_t out = empty(flow);

		if (out < 0)
			return (int)out;
		share += in;
		more = in > 0 || out > 0;
	}
	worker->bulk |= share > 0;
	judge(flow, share);
	if (flow->pipe->used > 0)
		return flow->writable ? ENGINE_BUSY : ENGINE_BLOCKED;
	pipe_give_back(&worker->streams->pipes, flow->pipe);
	flow->pipe = NULL;
	if (flow->ended)
		return ENGINE_ENDED;
	if (!flow->readable)
		return ENGINE_BLOCKED;
	return flow->bulk && !flow->urgent ? ENGINE_BUSY : engine_copy(worker, flow);
}
