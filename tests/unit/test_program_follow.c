/* SPDX-License-Identifier: MIT */
/* What execve(2) of a path would run: by scripts, with rights in the file, and what is no file. */
#include "tests/unit/unit.h"

#include "common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BIT(obstacle) (1u << PROGRAM_##obstacle)

/* Makes a file, and its path, which holds 128 bytes. */
static void make(const char *name, const void *bytes, size_t size, mode_t mode, char *path)
{
	int fd;

	temp_path(&temp_fixture, name, path);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0);
	close(fd);
}

/* A copy of this program, which is dynamically linked. */
static void copy_itself(const char *name, mode_t mode, char *path)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;

	must(fd >= 0 && fstat(fd, &st) == 0);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	must(bytes != MAP_FAILED);
	make(name, bytes, (size_t)st.st_size, mode, path);
	must(munmap(bytes, (size_t)st.st_size) == 0);
	close(fd);
}

static void rights(void **state)
{
	static const struct {
		mode_t mode;
		unsigned obstacles;
	} cases[] = {{0755, 0}, {04755, BIT(SET_ID)}, {02755, BIT(SET_ID)}, {02745, 0}};
	struct program program;
	struct statvfs file_system;
	char path[128], found[PROGRAM_PATH_MAX];
	bool given;

	must(statvfs(temp_fixture.path, &file_system) == 0);
	given = !(file_system.f_flag & ST_NOSUID);
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		copy_itself("rights", cases[i].mode, path);
		assert_int_equal(program_follow(path, NULL, &program, found), 0);
		assert_int_equal(program.obstacles, given ? cases[i].obstacles : 0);
	}
}

static void scripts(void **state)
{
	struct program program;
	char path[128], target[128], text[300], found[PROGRAM_PATH_MAX];

	copy_itself("target", 0755, target);
	snprintf(text, sizeof(text), "#! \t%s -x y\nmore\n", target);
	make("first", text, strlen(text), 0755, path);
	snprintf(text, sizeof(text), "#!%s", path);
	make("second", text, strlen(text), 0755, path);
	assert_int_equal(program_follow(path, NULL, &program, found), 0);
	assert_int_equal(program.obstacles, 0);
	assert_string_equal(found, target);
	/* env(1), with and without a path */
	snprintf(text, sizeof(text), "#!/usr/bin/env -S A=b %s\n", target);
	make("env", text, strlen(text), 0755, path);
	assert_int_equal(program_follow(path, "", &program, found), 0);
	assert_string_equal(found, target);
	make("env", "#!/usr/bin/env target\n", 22, 0755, path);
	snprintf(text, sizeof(text), "/nowhere::%s", temp_fixture.path);
	assert_int_equal(program_follow(path, text, &program, found), 0);
	assert_string_equal(found, target);
	/* one that runs itself */
	snprintf(text, sizeof(text), "#!%s/loop\n", temp_fixture.path);
	make("loop", text, strlen(text), 0755, path);
	assert_int_equal(program_follow(path, NULL, &program, found), 0);
	assert_int_equal(program.obstacles, BIT(NOT_ELF) | BIT(SCRIPTS));
	make("nothing", "", 0, 0755, path);
	assert_int_equal(program_follow(path, NULL, &program, found), 0);
	assert_int_equal(program.obstacles, BIT(NOT_ELF));
	make("blank", "#! \n", 4, 0755, path);
	assert_int_equal(program_follow(path, NULL, &program, found), 0);
	assert_int_equal(program.obstacles, BIT(NOT_ELF));
}

static void what_is_no_file(void **state)
{
	struct program program;
	char path[128], found[PROGRAM_PATH_MAX], *longer = calloc(1, 2 * PROGRAM_PATH_MAX);

	memset(longer, '/', 2 * PROGRAM_PATH_MAX - 1);
	assert_int_equal(program_follow(longer, NULL, &program, found), -ENAMETOOLONG);
	free(longer);
	assert_int_equal(program_follow(temp_fixture.path, NULL, &program, found), -ENOEXEC);
	assert_int_equal(program_follow("/dev/null", NULL, &program, found), -ENOEXEC);
	temp_path(&temp_fixture, "fifo", path);
	must(mkfifo(path, 0644) == 0);
	assert_int_equal(program_follow(path, NULL, &program, found), -ENOEXEC);
	assert_int_equal(program_follow("/nowhere", NULL, &program, found), -ENOENT);
	assert_string_equal(found, "/nowhere");
	assert_int_equal(program_inspect(-1, &program), -EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rights),
		TEST(scripts),
		TEST(what_is_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
