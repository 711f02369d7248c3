/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_IMAGE_H
#define XSOCKET_COMMON_IMAGE_H

/* The part of program.h that is about ELF files. */

#include "common/program.h"

/*
 * Adds what an ELF file tells to a program. ident is its first EI_NIDENT bytes.
 *
 * Returns 0, -ENODATA when the file contradicts itself, or the negative errno of pread(2).
 */
int image_inspect(int fd, const unsigned char *ident, struct program *program);

#endif
