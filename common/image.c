/* SPDX-License-Identifier: MIT */
/*
 * ELF by hand: the header, the program headers, and of those the interpreter, the notes and the
 * dynamic section. Everything is read at offsets that the file itself claims, so each read says how
 * much it wants and is checked for how much there was; numbers of entries are bounded here.
 *
 * A Go program has a note of the owner "Go" (its build ID). Its own linker writes that also when it
 * links with libc, whose bind(2) it does not call all the same. Where the note was removed a
 * section may still tell.
 *
 * A file of the other byte order is for another machine, and is not looked at any further.
 */
#include "common/image.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX	 128
#define SECTIONS_MAX	 512
#define DYNAMIC_MAX	 512
#define NOTES_SIZE	 4096
#define NOTE_GO_BUILD_ID 4

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ENCODING_NATIVE ELFDATA2LSB
#else
#define ENCODING_NATIVE ELFDATA2MSB
#endif

/* What both classes have, in 64 bits. */
struct segment {
	uint32_t type;
	uint64_t offset, address, size, align;
};

struct elf {
	int fd;
	bool wide; /* ELFCLASS64 */
	uint64_t sections;
	uint16_t section_size, section_count, section_names;
	unsigned count;
	struct segment segment[SEGMENTS_MAX];
};

/* Returns 0, or -ENODATA where the file does not have all of it. */
static int read_at(int fd, uint64_t offset, void *buffer, size_t size)
{
	if (offset > INT64_MAX - size)
		return -ENODATA;
	while (size > 0) {
		ssize_t n = pread(fd, buffer, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		buffer = (char *)buffer + n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/* A text that ends within size; what does not is taken for none. */
static int read_text(int fd, uint64_t offset, char *buffer, size_t size)
{
	ssize_t n = offset > INT64_MAX - size ? -1 : pread(fd, buffer, size, (off_t)offset);

	if (n <= 0 || !memchr(buffer, '\0', (size_t)n)) {
		buffer[0] = '\0';
		return -ENODATA;
	}
	return 0;
}

static int read_segments(struct elf *elf, uint64_t offset, unsigned count, unsigned size)
{
	if (count > SEGMENTS_MAX || size != (elf->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return -ENODATA;
	for (unsigned i = 0; i < count; i++) {
		union {
			Elf64_Phdr wide;
			Elf32_Phdr narrow;
		} header;
		int r = read_at(elf->fd, offset + (uint64_t)i * size, &header, size);

		if (r < 0)
			return r;
		elf->segment[i] = elf->wide
					  ? (struct segment){header.wide.p_type,
						    header.wide.p_offset, header.wide.p_vaddr,
						    header.wide.p_filesz, header.wide.p_align}
					  : (struct segment){header.narrow.p_type,
						    header.narrow.p_offset, header.narrow.p_vaddr,
						    header.narrow.p_filesz, header.narrow.p_align};
	}
	elf->count = count;
	return 0;
}

static int read_header(struct elf *elf, struct program *ret)
{
	union {
		Elf64_Ehdr wide;
		Elf32_Ehdr narrow;
	} header;
	int r = read_at(
		elf->fd, 0, &header, elf->wide ? sizeof(header.wide) : sizeof(header.narrow));

	if (r < 0)
		return r;
	if (elf->wide) {
		ret->machine = header.wide.e_machine;
		elf->sections = header.wide.e_shoff;
		elf->section_size = header.wide.e_shentsize;
		elf->section_count = header.wide.e_shnum;
		elf->section_names = header.wide.e_shstrndx;
		return read_segments(
			elf, header.wide.e_phoff, header.wide.e_phnum, header.wide.e_phentsize);
	}
	ret->machine = header.narrow.e_machine;
	elf->sections = header.narrow.e_shoff;
	elf->section_size = header.narrow.e_shentsize;
	elf->section_count = header.narrow.e_shnum;
	elf->section_names = header.narrow.e_shstrndx;
	return read_segments(
		elf, header.narrow.e_phoff, header.narrow.e_phnum, header.narrow.e_phentsize);
}

static const struct segment *find_segment(const struct elf *elf, uint32_t type)
{
	for (unsigned i = 0; i < elf->count; i++) {
		if (elf->segment[i].type == type)
			return &elf->segment[i];
	}
	return NULL;
}

static uint64_t padded(uint64_t size, uint64_t align)
{
	return (size + align - 1) / align * align;
}

/* Whether there is a note of Go's linker among the first ones of a segment. */
static bool has_go_note(const struct elf *elf, const struct segment *segment)
{
	char notes[NOTES_SIZE];
	uint64_t align = segment->align == 8 ? 8 : 4, position = 0;
	uint64_t size = segment->size < sizeof(notes) ? segment->size : sizeof(notes);
	Elf32_Nhdr note; /* the same in both classes */

	if (read_at(elf->fd, segment->offset, notes, size) < 0)
		return false;
	while (position + sizeof(note) <= size) {
		memcpy(&note, notes + position, sizeof(note));
		position += sizeof(note);
		if (note.n_type == NOTE_GO_BUILD_ID && note.n_namesz == 4 && position + 4 <= size &&
			memcmp(notes + position, "Go\0", 4) == 0)
			return true;
		/* Sizes are of 32 bits, so this does not overflow. */
		position += padded(note.n_namesz, align) + padded(note.n_descsz, align);
	}
	return false;
}

/* The offset and size of a section, and the offset of its name. Returns 0 or -ENODATA. */
static int read_section(const struct elf *elf, unsigned i, uint64_t *ret_offset, uint64_t *ret_size,
	uint32_t *ret_name)
{
	union {
		Elf64_Shdr wide;
		Elf32_Shdr narrow;
	} header;
	size_t size = elf->wide ? sizeof(header.wide) : sizeof(header.narrow);
	int r;

	if (elf->section_size != size)
		return -ENODATA;
	r = read_at(elf->fd, elf->sections + (uint64_t)i * size, &header, size);
	if (r < 0)
		return r;
	*ret_offset = elf->wide ? header.wide.sh_offset : header.narrow.sh_offset;
	*ret_size = elf->wide ? header.wide.sh_size : header.narrow.sh_size;
	*ret_name = elf->wide ? header.wide.sh_name : header.narrow.sh_name;
	return 0;
}

static bool has_go_section(const struct elf *elf)
{
	static const char *const known[] = {".note.go.buildid", ".go.buildinfo", ".gopclntab"};
	uint64_t names, names_size, offset, size;
	uint32_t name;
	char text[24];

	if (elf->section_count > SECTIONS_MAX || elf->section_names >= elf->section_count ||
		read_section(elf, elf->section_names, &names, &names_size, &name) < 0)
		return false;
	for (unsigned i = 0; i < elf->section_count; i++) {
		if (read_section(elf, i, &offset, &size, &name) < 0)
			return false;
		if (name >= names_size || names > INT64_MAX ||
			read_text(elf->fd, names + name, text, sizeof(text)) < 0)
			continue;
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (strcmp(text, known[k]) == 0)
				return true;
		}
	}
	return false;
}

static bool is_go(const struct elf *elf)
{
	for (unsigned i = 0; i < elf->count; i++) {
		if (elf->segment[i].type == PT_NOTE && has_go_note(elf, &elf->segment[i]))
			return true;
	}
	return has_go_section(elf);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Whose the dynamic linker is. */
static enum program_libc libc_of_linker(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (begins(name, "ld-musl-"))
		return PROGRAM_LIBC_MUSL;
	if (begins(name, "ld-linux") || begins(name, "ld64.so.") || begins(name, "ld.so."))
		return PROGRAM_LIBC_GLIBC;
	return PROGRAM_LIBC_OTHER;
}

/* Whose libc a library asks for. */
static enum program_libc libc_of_needed(const char *name)
{
	if (strcmp(name, "libc.so.6") == 0 || strcmp(name, "libc.so.6.1") == 0)
		return PROGRAM_LIBC_GLIBC;
	if (strcmp(name, "libc.so") == 0 || begins(name, "libc.musl-"))
		return PROGRAM_LIBC_MUSL;
	return PROGRAM_LIBC_NONE;
}

/* Where in the file an address is. Returns UINT64_MAX when nowhere. */
static uint64_t offset_of(const struct elf *elf, uint64_t address)
{
	for (unsigned i = 0; i < elf->count; i++) {
		const struct segment *load = &elf->segment[i];

		if (load->type == PT_LOAD && address >= load->address &&
			address - load->address < load->size &&
			load->offset <= UINT64_MAX - load->size)
			return load->offset + (address - load->address);
	}
	return UINT64_MAX;
}

/* Returns 0, or a negative errno where there is no such entry. */
static int read_dynamic(const struct elf *elf, const struct segment *dynamic, unsigned i,
	int64_t *tag, uint64_t *value)
{
	union {
		Elf64_Dyn wide;
		Elf32_Dyn narrow;
	} entry;
	size_t size = elf->wide ? sizeof(entry.wide) : sizeof(entry.narrow);
	int r;

	if (i >= DYNAMIC_MAX || (i + 1) * size > dynamic->size || dynamic->offset > INT64_MAX)
		return -ENODATA;
	r = read_at(elf->fd, dynamic->offset + i * size, &entry, size);
	if (r < 0)
		return r;
	*tag = elf->wide ? entry.wide.d_tag : entry.narrow.d_tag;
	*value = elf->wide ? entry.wide.d_un.d_val : entry.narrow.d_un.d_val;
	return *tag == DT_NULL ? -ENODATA : 0;
}

/* The libc that is asked for by name; a library has no interpreter that would tell. */
static enum program_libc needed_libc(const struct elf *elf)
{
	const struct segment *dynamic = find_segment(elf, PT_DYNAMIC);
	uint64_t names = UINT64_MAX, value;
	int64_t tag;
	char name[64];

	if (!dynamic)
		return PROGRAM_LIBC_NONE;
	for (unsigned i = 0; read_dynamic(elf, dynamic, i, &tag, &value) == 0; i++) {
		if (tag == DT_STRTAB)
			names = offset_of(elf, value);
	}
	if (names > INT64_MAX)
		return PROGRAM_LIBC_NONE;
	for (unsigned i = 0; read_dynamic(elf, dynamic, i, &tag, &value) == 0; i++) {
		enum program_libc libc;

		if (tag != DT_NEEDED || value > INT64_MAX - names ||
			read_text(elf->fd, names + value, name, sizeof(name)) < 0)
			continue;
		libc = libc_of_needed(name);
		if (libc != PROGRAM_LIBC_NONE)
			return libc;
	}
	return PROGRAM_LIBC_NONE;
}

int image_inspect(int fd, const unsigned char *ident, struct program *program)
{
	struct elf elf = {.fd = fd, .wide = ident[EI_CLASS] == ELFCLASS64};
	const struct segment *interpreter;
	int r;

	program->bits = ident[EI_CLASS];
	program->encoding = ident[EI_DATA];
	if (program->encoding != ENCODING_NATIVE)
		return program->encoding == ELFDATA2LSB || program->encoding == ELFDATA2MSB
			       ? 0
			       : -ENODATA;
	if (program->bits != ELFCLASS64 && program->bits != ELFCLASS32)
		return -ENODATA;
	r = read_header(&elf, program);
	if (r < 0)
		return r;
	if (is_go(&elf))
		program->obstacles |= 1u << PROGRAM_GO;
	interpreter = find_segment(&elf, PT_INTERP);
	if (!interpreter) {
		program->libc = needed_libc(&elf);
		if (program->libc == PROGRAM_LIBC_NONE)
			program->obstacles |= 1u << PROGRAM_STATIC;
		return 0;
	}
	r = read_text(fd, interpreter->offset, program->interpreter, sizeof(program->interpreter));
	program->libc = libc_of_linker(program->interpreter);
	return r;
}
