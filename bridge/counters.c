/* SPDX-License-Identifier: MIT */
#include "bridge/counters.h"

#include "bridge/bridge.h"

#include "daemon/log.h"

#include <inttypes.h>
#include <stdio.h>

struct counters {
	uint64_t connections, accepted, to_target, to_client, refused, failed, reset, dropped;
};

static uint64_t value(atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static struct counters counters_of(struct forward *forward)
{
	return (struct counters){
		.connections = atomic_load_explicit(&forward->connections, memory_order_relaxed),
		.accepted = value(&forward->accepted),
		.to_target = value(&forward->to_target),
		.to_client = value(&forward->to_client),
		.refused = value(&forward->refused),
		.failed = value(&forward->failed),
		.reset = value(&forward->reset),
		.dropped = value(&forward->dropped),
	};
}

static void counters_add(struct counters *sum, const struct counters *more)
{
	sum->connections += more->connections;
	sum->accepted += more->accepted;
	sum->to_target += more->to_target;
	sum->to_client += more->to_client;
	sum->refused += more->refused;
	sum->failed += more->failed;
	sum->reset += more->reset;
	sum->dropped += more->dropped;
}

static void log_line(const char *what, const char *name, const struct counters *counters)
{
	log_message(LOG_INFO,
		"%s%s: connections=%" PRIu64 " accepted=%" PRIu64 " to_target=%" PRIu64
		" to_client=%" PRIu64 " refused=%" PRIu64 " failed=%" PRIu64 " reset=%" PRIu64
		" dropped=%" PRIu64,
		what, name, counters->connections, counters->accepted, counters->to_target,
		counters->to_client, counters->refused, counters->failed, counters->reset,
		counters->dropped);
}

void counters_log(struct bridge *bridge)
{
	struct counters sum = {0};

	pthread_mutex_lock(&bridge->table_lock);
	for (unsigned i = 0; i < bridge->n_table; i++) {
		struct counters counters = counters_of(bridge->table[i]);

		counters_add(&sum, &counters);
		log_line("forward ", bridge->table[i]->plan.name, &counters);
	}
	pthread_mutex_unlock(&bridge->table_lock);
	log_line("all forwards", "", &sum);
}

/* Three digits at least, as of 1024 bytes. */
static const char *size_text(uint64_t bytes, char text[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned unit = 0;
	double size = (double)bytes;

	for (; size >= 1024 && unit < 6; unit++)
		size /= 1024;
	snprintf(text, 32, "%.*f %s", unit && size < 100 ? 1 : 0, size, units[unit]);
	return text;
}

const char *counters_status(struct bridge *bridge, char *text, size_t size)
{
	struct counters sum = {0};
	char to_target[32], to_client[32];
	unsigned n;

	pthread_mutex_lock(&bridge->table_lock);
	n = bridge->n_table;
	for (unsigned i = 0; i < n; i++) {
		struct counters counters = counters_of(bridge->table[i]);

		counters_add(&sum, &counters);
	}
	pthread_mutex_unlock(&bridge->table_lock);
	snprintf(text, size,
		"%u forward%s, %u connection%s now, %" PRIu64
		" since the start; %s to targets, %s to clients; %" PRIu64 " refused, %" PRIu64
		" failed, %" PRIu64 " reset, %" PRIu64 " datagrams dropped",
		n, n == 1 ? "" : "s", atomic_load(&bridge->connections),
		atomic_load(&bridge->connections) == 1 ? "" : "s", sum.accepted,
		size_text(sum.to_target, to_target), size_text(sum.to_client, to_client),
		sum.refused, sum.failed, sum.reset, sum.dropped);
	return text;
}
