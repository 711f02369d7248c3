/* SPDX-License-Identifier: MIT */
/*
 * What an ELF file tells about a program: files made here, and damage. Real programs are looked at
 * in tests/preload/test_unreachable.py.
 */
#include "tests/unit/unit.h"

#include "common/program.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BIT(obstacle) (1u << PROGRAM_##obstacle)
#define INTERPRETER   "/lib64/ld-linux-x86-64.so.2"

/* An ELF file of one page: header, up to four segments, and what they are about, from 1024 on. */
struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segment[4];
	char filler[1024 - sizeof(Elf64_Ehdr) - 4 * sizeof(Elf64_Phdr)];
	char interpreter[256];
	struct {
		Elf64_Nhdr header;
		char name[4], text[8];
	} note;
	Elf64_Dyn dynamic[4];
	char names[64];
};

static const struct file empty = {
	.header =
		{
			.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64,
				__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB
									  : ELFDATA2MSB},
			.e_machine = EM_X86_64,
			.e_phoff = offsetof(struct file, segment),
			.e_phentsize = sizeof(Elf64_Phdr),
		},
};

static void add_segment(struct file *file, unsigned type, size_t offset, size_t size)
{
	file->segment[file->header.e_phnum++] = (Elf64_Phdr){
		.p_type = type, .p_offset = offset, .p_vaddr = 0x10000 + offset, .p_filesz = size};
}

static void add_interpreter(struct file *file, const char *path)
{
	strcpy(file->interpreter, path);
	add_segment(file, PT_INTERP, offsetof(struct file, interpreter), strlen(path) + 1);
}

static void add_note(struct file *file, const char *owner, unsigned type)
{
	file->note.header = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 8, .n_type = type};
	memcpy(file->note.name, owner, 4);
	add_segment(file, PT_NOTE, offsetof(struct file, note), sizeof(file->note));
}

static void add_needed(struct file *file, const char *name)
{
	strcpy(file->names + 1, name);
	file->dynamic[0] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = 1};
	file->dynamic[1] = (Elf64_Dyn){
		.d_tag = DT_STRTAB, .d_un.d_val = 0x10000 + offsetof(struct file, names)};
	add_segment(file, PT_LOAD, 0, sizeof(*file));
	file->segment[file->header.e_phnum - 1].p_vaddr = 0x10000;
	add_segment(file, PT_DYNAMIC, offsetof(struct file, dynamic), sizeof(file->dynamic));
}

static struct program inspect(const void *bytes, size_t size)
{
	int fd = memfd_create("program", MFD_CLOEXEC);
	struct program program;

	must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	assert_int_equal(program_inspect(fd, &program), 0);
	close(fd);
	return program;
}

static struct program inspect_file(const struct file *file)
{
	return inspect(file, sizeof(*file));
}

static void whose_libc_a_program_uses(void **state)
{
	static const struct {
		const char *interpreter;
		enum program_libc libc;
	} cases[] = {
		{INTERPRETER, PROGRAM_LIBC_GLIBC},
		{"/nix/store/abc-glibc-2.38/lib/ld-linux-x86-64.so.2", PROGRAM_LIBC_GLIBC},
		{"/lib/ld64.so.2", PROGRAM_LIBC_GLIBC},
		{"/lib/ld-musl-x86_64.so.1", PROGRAM_LIBC_MUSL},
		{"/lib/ld-uClibc.so.0", PROGRAM_LIBC_OTHER},
		{"/system/bin/linker64", PROGRAM_LIBC_OTHER},
		{"", PROGRAM_LIBC_OTHER},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct file file = empty;
		struct program program;

		add_interpreter(&file, cases[i].interpreter);
		program = inspect_file(&file);
		assert_int_equal(program.obstacles, 0);
		assert_int_equal(program.libc, cases[i].libc);
		assert_int_equal(program.machine, EM_X86_64);
		assert_string_equal(program.interpreter, cases[i].interpreter);
	}
}

static void whose_libc_a_library_needs(void **state)
{
	static const struct {
		const char *name;
		enum program_libc libc;
	} cases[] = {
		{"libc.so.6", PROGRAM_LIBC_GLIBC},
		{"libc.so", PROGRAM_LIBC_MUSL},
		{"libc.musl-x86_64.so.1", PROGRAM_LIBC_MUSL},
		{"libcc.so.6", PROGRAM_LIBC_NONE},
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct file file = empty;
		struct program program;

		add_needed(&file, cases[i].name);
		program = inspect_file(&file);
		assert_int_equal(program.libc, cases[i].libc);
		assert_int_equal(
			program.obstacles, cases[i].libc == PROGRAM_LIBC_NONE ? BIT(STATIC) : 0);
	}
}

static void static_and_go_programs(void **state)
{
	struct file file = empty;

	assert_int_equal(inspect_file(&file).obstacles, BIT(STATIC));
	add_note(&file, "Go\0", 4);
	assert_int_equal(inspect_file(&file).obstacles, BIT(STATIC) | BIT(GO));
	add_interpreter(&file, INTERPRETER);
	assert_int_equal(inspect_file(&file).obstacles, BIT(GO));
	file.segment[0].p_align = 8;
	assert_int_equal(inspect_file(&file).obstacles, BIT(GO));
	file.note.header.n_type = 3;
	assert_int_equal(inspect_file(&file).obstacles, 0);
	file = empty;
	add_interpreter(&file, INTERPRETER);
	add_note(&file, "GNU", 4);
	assert_int_equal(inspect_file(&file).obstacles, 0);
}

static void a_go_section_without_a_note(void **state)
{
	struct {
		struct file file;
		Elf64_Shdr section[2];
		char names[32];
	} all = {.file = empty, .names = "\0.shstrtab\0.go.buildinfo"};

	add_interpreter(&all.file, INTERPRETER);
	all.file.header.e_shoff = (size_t)((char *)all.section - (char *)&all);
	all.file.header.e_shentsize = sizeof(Elf64_Shdr);
	all.file.header.e_shnum = 2;
	all.section[0] = (Elf64_Shdr){.sh_name = 1,
		.sh_offset = (size_t)(all.names - (char *)&all),
		.sh_size = sizeof(all.names)};
	all.section[1].sh_name = 11;
	assert_int_equal(inspect(&all, sizeof(all)).obstacles, BIT(GO));
	all.names[11] = 'x';
	assert_int_equal(inspect(&all, sizeof(all)).obstacles, 0);
}

static void damage(void **state)
{
	struct file file = empty;

	add_interpreter(&file, INTERPRETER);
	for (size_t size = EI_NIDENT; size < sizeof(Elf64_Ehdr); size++)
		assert_int_equal(inspect(&file, size).obstacles, BIT(DAMAGED));
	file.header.e_phentsize--;
	assert_int_equal(inspect_file(&file).obstacles, BIT(DAMAGED));
	file.header.e_phentsize++;
	file.header.e_phoff = UINT64_MAX - 8;
	assert_int_equal(inspect_file(&file).obstacles, BIT(DAMAGED));
	file.header.e_phoff = empty.header.e_phoff;
	file.header.e_phnum = 0xffff;
	assert_int_equal(inspect_file(&file).obstacles, BIT(DAMAGED));
	file.header.e_phnum = 1;
	file.segment[0].p_offset = UINT64_MAX;
	assert_int_equal(inspect_file(&file).obstacles, BIT(DAMAGED));
	file.segment[0].p_offset = offsetof(struct file, interpreter);
	memset(file.interpreter, 'a', sizeof(file.interpreter));
	assert_int_equal(inspect_file(&file).obstacles, BIT(DAMAGED));
	file.header.e_ident[EI_CLASS] = 7;
	assert_int_equal(inspect_file(&file).obstacles, BIT(DAMAGED));
	file.header.e_ident[EI_DATA] = 7;
	assert_int_equal(inspect_file(&file).obstacles, BIT(DAMAGED));
}

static void what_cannot_load_a_library(void **state)
{
	struct file file = empty, library = empty, fixed = empty;
	struct program program, known;

	add_interpreter(&file, INTERPRETER);
	add_needed(&library, "libc.so.6");
	known = inspect_file(&library);
	program = inspect_file(&file);
	program_compare(&program, &known);
	assert_int_equal(program.obstacles, 0);
	/* of another machine there may be no more to say */
	file.header.e_machine = EM_AARCH64;
	program = inspect_file(&file);
	program_compare(&program, &known);
	assert_int_equal(program.obstacles, BIT(MACHINE));
	file.header.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
	program = inspect_file(&file);
	program_compare(&program, &known);
	assert_int_equal(program.obstacles, BIT(MACHINE));
	/* one without a libc has no other libc */
	program = inspect_file(&fixed);
	program_compare(&program, &known);
	assert_int_equal(program.obstacles, BIT(STATIC));
	file = empty;
	add_interpreter(&file, "/lib/ld-musl-x86_64.so.1");
	program = inspect_file(&file);
	program_compare(&program, &known);
	assert_int_equal(program.obstacles, BIT(LIBC));
}

static void a_program_of_32_bits(void **state)
{
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
		char interpreter[32];
	} file = {
		.header =
			{
				.e_machine = EM_386,
				.e_phoff = sizeof(Elf32_Ehdr),
				.e_phentsize = sizeof(Elf32_Phdr),
				.e_phnum = 1,
			},
		.segment =
			{
				.p_type = PT_INTERP,
				.p_offset = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
				.p_filesz = 20,
			},
		.interpreter = "/lib/ld-linux.so.2",
	};
	struct file library = empty;
	struct program program, known;

	memcpy(file.header.e_ident, empty.header.e_ident, EI_NIDENT);
	file.header.e_ident[EI_CLASS] = ELFCLASS32;
	add_needed(&library, "libc.so.6");
	known = inspect_file(&library);
	program = inspect(&file, sizeof(file));
	assert_int_equal(program.obstacles, 0);
	assert_int_equal(program.libc, PROGRAM_LIBC_GLIBC);
	program_compare(&program, &known);
	assert_int_equal(program.obstacles, BIT(MACHINE));
}

static void every_obstacle_has_its_texts(void **state)
{
	for (int i = 0; i < PROGRAM_OBSTACLES; i++) {
		const struct program_text *text = program_text((enum program_obstacle)i);

		assert_true(text->name && text->reason && text->advice);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_libc_a_program_uses),
		cmocka_unit_test(whose_libc_a_library_needs),
		cmocka_unit_test(static_and_go_programs),
		cmocka_unit_test(a_go_section_without_a_note),
		cmocka_unit_test(damage),
		cmocka_unit_test(what_cannot_load_a_library),
		cmocka_unit_test(a_program_of_32_bits),
		cmocka_unit_test(every_obstacle_has_its_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
