/* SPDX-License-Identifier: MIT */
#include "server/broker.h"

#include <sys/eventfd.h>

void broker_end(struct broker *broker, enum broker_phase phase)
{
	int before = atomic_load(&broker->phase);

	while (before < (int)phase &&
		!atomic_compare_exchange_weak(&broker->phase, &before, (int)phase))
		;
	eventfd_write(broker->control, 1);
}

void broker_check_netns(struct broker *broker)
{
	if (!netns_current(broker->netns))
		broker_end(broker, BROKER_ABANDON);
}
