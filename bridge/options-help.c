/* SPDX-License-Identifier: MIT */
#include "bridge/options.h"

#include <stdio.h>

void options_help(void)
{
	puts("Usage: xsocket-bridge --listen EP --connect EP [--listen EP --connect EP]...\n"
	     "  or:  xsocket-bridge --config FILE\n"
	     "\n"
	     "Listens in one network namespace and connects in another.\n"
	     "\n"
	     "EP is tcp:ADDR:PORT, ADDR:PORT, udp:ADDR:PORT, unix:PATH, unix:@NAME or fd:N,\n"
	     "with ,OPTION[=VALUE]... such as ,netns=NAME|PATH|pid:N or ,broker=SERVER\n"
	     "\n"
	     "  -l, --listen EP                accept here\n"
	     "  -c, --connect EP               and connect there\n"
	     "      --config FILE              read forwards and limits from FILE\n"
	     "      --connect-timeout SEC      until the target has answered (10)\n"
	     "      --idle-timeout SEC         of connections without a byte (infinity)\n"
	     "      --udp-timeout SEC          of UDP clients without a datagram (300)\n"
	     "      --drain-timeout SEC        for connections to end after SIGTERM (30)\n"
	     "      --max-connections N        at once (20000)\n"
	     "      --workers N                threads (one per CPU)\n"
	     "      --check                    look for mistakes, then exit\n"
	     "  -h, --help                     show this help\n"
	     "  -V, --version                  show the version\n"
	     "\n"
	     "As netns_tcp_bridge has them:\n"
	     "  -L, --listen-fd N              accept from this descriptor\n"
	     "  -S, --preaccepted-fd N         serve this one client\n"
	     "  -C, --connect-fd N             this descriptor is connected already\n"
	     "  -f, --listen-netns-file PATH   network namespace to listen in\n"
	     "  -F, --listen-netns-fd N        the same, an open descriptor\n"
	     "  -t, --connect-netns-file PATH  network namespace to connect in\n"
	     "  -T, --connect-netns-fd N       the same, an open descriptor\n"
	     "\n"
	     "See xsocket-bridge(8).");
}
