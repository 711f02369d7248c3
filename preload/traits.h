/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_PRELOAD_TRAITS_H
#define XSOCKET_PRELOAD_TRAITS_H

/* What the journal has to know about an option. No system calls. */

#include <stdbool.h>

/* How an option sets a program for what is received. */
enum way {
	WAY_NONE, /* it is about no program */
	WAY_INSTRUCTIONS,
	WAY_DESCRIPTOR,
	WAY_DETACH,
};

struct trait {
	bool additive;	  /* it adds to what was set before, or takes such a thing back */
	int undoes;	  /* the option that this one takes back, or 0 */
	enum way way;	  /* ... and for programs: */
	const int *group; /* the three names, of which one is in effect */
	bool precious;	  /* reading back does not find it */
};

struct trait trait_of(int level, int name);

#endif
