/* SPDX-License-Identifier: MIT */
/*
 * What execve(2) would make of a file. Its first bytes say whether that is ELF (image.c) or a
 * script, and then what is named there is looked at next, as the kernel does it. env(1) in a #!
 * line is not what runs in the end, so its search is done here, too.
 *
 * The rights that a file gives count only where it is ELF: a script's are ignored.
 */
#include "common/program.h"

#include "common/cleanup.h"
#include "common/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* What a #! line names. line is a text. */
static void inspect_script(char *line, struct program *ret)
{
	const char *path, *argument;
	size_t length;

	line[strcspn(line, "\n")] = '\0';
	path = skip_blanks(line + 2);
	length = strcspn(path, " \t");
	argument = skip_blanks(path + length);
	memcpy(ret->interpreter, path, length);
	ret->interpreter[length] = '\0';
	memcpy(ret->argument, argument, strlen(argument) + 1);
}

/* Rights that execve(2) gives: with them the dynamic linker ignores LD_PRELOAD. */
static void inspect_rights(int fd, const struct stat *st, struct program *ret)
{
	struct statvfs file_system;

	if (fstatvfs(fd, &file_system) == 0 && (file_system.f_flag & ST_NOSUID))
		return;
	if ((st->st_mode & S_ISUID) || (st->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		ret->obstacles |= 1u << PROGRAM_SET_ID;
	if (fgetxattr(fd, "security.capability", NULL, 0) > 0)
		ret->obstacles |= 1u << PROGRAM_CAPABILITIES;
}

int program_inspect(int fd, struct program *ret)
{
	char begin[PROGRAM_PATH_MAX] = "";
	struct stat st;
	ssize_t n;
	int r;

	*ret = (struct program){0};
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	n = pread(fd, begin, sizeof(begin) - 1, 0);
	if (n < 0)
		return -errno;
	if (n < EI_NIDENT || memcmp(begin, ELFMAG, SELFMAG) != 0) {
		ret->obstacles = 1u << PROGRAM_NOT_ELF;
		if (memcmp(begin, "#!", 2) == 0)
			inspect_script(begin, ret);
		return 0;
	}
	inspect_rights(fd, &st, ret);
	r = image_inspect(fd, (const unsigned char *)begin, ret);
	if (r != -ENODATA)
		return r;
	ret->obstacles |= 1u << PROGRAM_DAMAGED;
	return 0;
}

void program_compare(struct program *program, const struct program *library)
{
	if (program->obstacles & (1u << PROGRAM_NOT_ELF | 1u << PROGRAM_DAMAGED))
		return;
	if (program->machine != library->machine || program->bits != library->bits ||
		program->encoding != library->encoding)
		program->obstacles |= 1u << PROGRAM_MACHINE;
	else if (!(program->obstacles & 1u << PROGRAM_STATIC) && program->libc != library->libc)
		program->obstacles |= 1u << PROGRAM_LIBC;
}

/* Opens without waiting for the other end of a pipe, or taking a terminal. */
static int look_at(const char *path, struct program *ret)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : program_inspect(fd, ret);
}

/* The program that env(1) is asked to run: the first word that is not an option or a variable. */
static size_t env_program(const char *argument, const char **ret)
{
	for (;;) {
		size_t length = strcspn(argument, " \t");

		*ret = argument;
		if (*argument != '-' && !memchr(argument, '=', length))
			return length;
		argument = skip_blanks(argument + length);
	}
}

/* Finds a name in a list of directories, as execvp(3). Returns whether it is there. */
static bool search_path(const char *search, const char *name, size_t length, char *ret_path)
{
	while (length > 0 && *search) {
		size_t directory = strcspn(search, ":");

		if (directory > 0 && directory + length + 2 <= PROGRAM_PATH_MAX) {
			memcpy(ret_path, search, directory);
			ret_path[directory] = '/';
			memcpy(ret_path + directory + 1, name, length);
			ret_path[directory + 1 + length] = '\0';
			if (access(ret_path, X_OK) == 0)
				return true;
		}
		search += directory + (search[directory] == ':');
	}
	return false;
}

/* What comes after path, which was found to be a script or env(1). Returns whether there is. */
static bool next_of(const struct program *script, const char *search, char *path)
{
	const char *slash = strrchr(script->interpreter, '/'), *name;
	size_t length;

	if (script->interpreter[0] == '\0')
		return false;
	memcpy(path, script->interpreter, sizeof(script->interpreter));
	if (!search || !slash || strcmp(slash, "/env") != 0)
		return true;
	length = env_program(script->argument, &name);
	if (memchr(name, '/', length)) {
		memcpy(path, name, length);
		path[length] = '\0';
	} else if (length > 0 && !search_path(search, name, length, path)) {
		memcpy(path, script->interpreter, sizeof(script->interpreter));
	}
	return true;
}

int program_follow(const char *path, const char *search, struct program *ret, char *ret_path)
{
	size_t length = strlen(path);
	int r;

	*ret = (struct program){0};
	ret_path[0] = '\0';
	if (length >= PROGRAM_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_path, path, length + 1);
	for (unsigned scripts = 0;; scripts++) {
		r = look_at(ret_path, ret);
		if (r < 0 || !(ret->obstacles & 1u << PROGRAM_NOT_ELF))
			return r;
		if (scripts == PROGRAM_SCRIPTS_MAX) {
			ret->obstacles |= 1u << PROGRAM_SCRIPTS;
			return 0;
		}
		if (!next_of(ret, search, ret_path))
			return 0;
	}
}

static const struct program_text texts[PROGRAM_OBSTACLES] = {
	[PROGRAM_NOT_ELF] = {"not-elf", "it is neither an ELF program nor a script with a #! line",
		"name the program that runs it"},
	[PROGRAM_DAMAGED] = {"damaged", "it is an ELF file that contradicts itself",
		"install it again"},
	[PROGRAM_SCRIPTS] = {"scripts", "its #! lines lead from script to script",
		"name the program that runs it"},
	[PROGRAM_STATIC] = {"static",
		"it is linked statically: there is no dynamic linker, so nothing can be preloaded",
		"use a dynamically linked build of it, or run all of it in the namespace "
		"(NetworkNamespacePath=, ip netns exec)"},
	[PROGRAM_GO] = {"go", "it is written in Go, which does not call libc for its sockets",
		"let it take its sockets from systemd, or run all of it in the namespace "
		"(NetworkNamespacePath=, ip netns exec)"},
	[PROGRAM_MACHINE] = {"machine",
		"it is for another machine or word size than the installed library",
		"install the library for that one as well and write LD_PRELOAD without a path"},
	[PROGRAM_LIBC] = {"libc", "it uses another libc than the installed library is built for",
		"build the library with that libc (docs/TESTING.md has an example)"},
	[PROGRAM_SET_ID] = {"set-id",
		"it has the set-user-ID or set-group-ID bit, with which LD_PRELOAD is ignored "
		"unless its owner runs it",
		"remove the bit and start it as that user (User=, Group=)"},
	[PROGRAM_CAPABILITIES] = {"capabilities",
		"it has file capabilities, with which LD_PRELOAD is ignored for all but root",
		"remove them (setcap -r) and use AmbientCapabilities= in the unit"},
};

const struct program_text *program_text(enum program_obstacle obstacle)
{
	return &texts[obstacle];
}
