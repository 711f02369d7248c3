/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_FOOTPRINT_H
#define XSOCKET_SERVER_FOOTPRINT_H

/*
 * Unmaps the pages of the program's and the libraries' code and constants. They stay in the page
 * cache and are mapped again, a few at a time, when they are needed: some 50 us for the first
 * request. Nothing that the program can have changed is touched
 * (a debugger's breakpoints are lost).
 *
 * For a broker that has been idle for a while, as it is most of its life, with one instance per
 * namespace: most of what is mapped then was needed by its start only, or was mapped because it
 * lies beside what was needed (the kernel maps 64 KiB around each fault).
 */
void footprint_trim(void);

#endif
