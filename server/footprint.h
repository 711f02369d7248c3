/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_SERVER_FOOTPRINT_H
#define XSOCKET_SERVER_FOOTPRINT_H

/*
 * Gives back the memory that only the start needed: the pages of the program's and the libraries'
 * code and constants that were mapped while they were linked and initialised. They stay in the
 * page cache and are mapped again when they are needed. Nothing that can have been changed is
 * touched. A broker waits most of its life, with one instance per namespace.
 */
void footprint_trim(void);

#endif
