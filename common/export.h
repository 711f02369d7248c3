/* SPDX-License-Identifier: MIT */
#ifndef XSOCKET_COMMON_EXPORT_H
#define XSOCKET_COMMON_EXPORT_H

/*
 * In front of a function that a library exports. All else is hidden, by the compiler
 * (gnu_symbol_visibility in meson.build) and by the linker (the library's .sym or .map file, which
 * names this function, too).
 */
#define EXPORT __attribute__((visibility("default")))

/*
 * Behind a declaration: the function is exported by that name, which headers declare in other ways,
 * as a macro, or as an inline function.
 */
#define EXPORT_AS(name) __asm__(#name) EXPORT

#endif
