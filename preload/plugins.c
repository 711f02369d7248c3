/* SPDX-License-Identifier: MIT */
/*
 * Where an object keeps the address of a function that it calls is in its relocations. Those of
 * the library's hooks that lead to libc, or are not resolved yet, are pointed at the function
 * that a symbol of that name is in the program: the first preloaded library's. The flag is kept, as
 * all other symbols are to be bound as the program wants them.
 *
 * Only what comes after the opened object in the list of the dynamic linker is looked at: itself
 * and what it brought along. A function of its own by one of these names stays what it is.
 *
 * What a constructor in there does has happened by then.
 */
#include "preload/plugins.h"

#include "preload/next.h"
#include "preload/report.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef RTLD_DEEPBIND

#if __ELF_NATIVE_CLASS == 64
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#endif

/* A function, as the opened object finds it, and as the program does. */
struct function {
	const char *name;
	uintptr_t inside, outside;
};

/* What is looked for in an object. */
struct tables {
	const char *names;
	const ElfW(Sym) * symbols;
	uintptr_t relocations[2];
	size_t sizes[2], entry;
	uintptr_t relro, relro_end;
};

static const ElfW(Dyn) * find_entry(const struct link_map *map, ElfW(Sxword) tag)
{
	for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == tag)
			return entry;
	}
	return NULL;
}

/* Addresses in there have been relocated by glibc, unless the section cannot be written to. */
static uintptr_t pointer_entry(const struct link_map *map, ElfW(Sxword) tag)
{
	const ElfW(Dyn) *entry = find_entry(map, tag);

	if (!entry)
		return 0;
	return entry->d_un.d_ptr < map->l_addr ? entry->d_un.d_ptr + map->l_addr
					       : entry->d_un.d_ptr;
}

static size_t size_entry(const struct link_map *map, ElfW(Sxword) tag)
{
	const ElfW(Dyn) *entry = find_entry(map, tag);

	return entry ? entry->d_un.d_val : 0;
}

/* Finds the part of an object that is read-only by now. */
static int find_relro(struct dl_phdr_info *info, size_t size, void *data)
{
	struct tables *tables = data;

	if (tables->relro != info->dlpi_addr)
		return 0;
	tables->relro = tables->relro_end = 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_GNU_RELRO) {
			tables->relro = info->dlpi_addr + segment->p_vaddr;
			tables->relro_end = tables->relro + segment->p_memsz;
		}
	}
	return 1;
}

static bool find_tables(const struct link_map *map, struct tables *ret)
{
	bool addends = size_entry(map, DT_PLTREL) != DT_REL && !find_entry(map, DT_REL);

	*ret = (struct tables){
		.names = (const char *)pointer_entry(map, DT_STRTAB),
		.symbols = (const ElfW(Sym) *)pointer_entry(map, DT_SYMTAB),
		.relocations = {pointer_entry(map, DT_JMPREL),
			pointer_entry(map, addends ? DT_RELA : DT_REL)},
		.sizes = {size_entry(map, DT_PLTRELSZ),
			size_entry(map, addends ? DT_RELASZ : DT_RELSZ)},
		.entry = addends ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel)),
		.relro = map->l_addr,
	};
	if (!ret->names || !ret->symbols)
		return false;
	return dl_iterate_phdr(find_relro, ret) == 1;
}

/* Writes an address, where need be into memory that was made read-only. */
static bool write_slot(const struct tables *tables, uintptr_t *slot, uintptr_t value)
{
	uintptr_t address = (uintptr_t)slot, size = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *page = (void *)(address & ~(size - 1));
	/* The dynamic linker protects whole pages only. */
	bool is_protected = address >= (tables->relro & ~(size - 1)) &&
			    address < (tables->relro_end & ~(size - 1));

	if (is_protected && mprotect(page, size, PROT_READ | PROT_WRITE) < 0)
		return false;
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
	if (is_protected)
		mprotect(page, size, PROT_READ);
	return true;
}

/* Points one relocation at the program's function, if it is about one of them. */
static bool rebind(const struct tables *tables, const struct link_map *map, const ElfW(Rel) * entry,
	bool lazy, const struct function *functions)
{
	const ElfW(Sym) *symbol = &tables->symbols[SYMBOL_OF(entry->r_info)];
	uintptr_t *slot = (uintptr_t *)(map->l_addr + entry->r_offset);

	if (SYMBOL_OF(entry->r_info) == 0 || symbol->st_shndx != SHN_UNDEF)
		return true;
	for (unsigned i = 0; plugins_hooks[i]; i++) {
		if (strcmp(tables->names + symbol->st_name, functions[i].name) != 0)
			continue;
		if ((*slot == functions[i].inside || lazy) && *slot != functions[i].outside)
			return write_slot(tables, slot, functions[i].outside);
	}
	return true;
}

static bool rebind_object(const struct link_map *map, const struct function *functions)
{
	struct tables tables;
	bool done = true;

	if (!find_tables(map, &tables))
		return true;
	for (unsigned i = 0; i < 2; i++) {
		for (size_t at = 0; tables.relocations[i] && at < tables.sizes[i];
			at += tables.entry) {
			/* struct Rel is the beginning of struct Rela. */
			const ElfW(Rel) *entry = (const void *)(tables.relocations[i] + at);

			done = rebind(&tables, map, entry, i == 0, functions) && done;
		}
	}
	return done;
}

void *plugins_open(const char *file, int flags)
{
	struct function functions[PLUGINS_HOOKS_MAX];
	void *handle = next_dlopen(file, flags);
	int saved_errno = errno;
	bool done = true;

	if (!handle)
		return NULL;
	for (unsigned i = 0; plugins_hooks[i]; i++) {
		functions[i].name = plugins_hooks[i];
		functions[i].inside = (uintptr_t)dlsym(handle, functions[i].name);
		functions[i].outside = (uintptr_t)dlsym(RTLD_DEFAULT, functions[i].name);
		/* It, or what it brings, has a function of that name. */
		if (functions[i].inside != (uintptr_t)next_last(functions[i].name))
			functions[i].outside = functions[i].inside;
	}
	for (const struct link_map *map = handle; map; map = map->l_next)
		done = rebind_object(map, functions) && done;
	if (!done)
		report(REPORT_ERROR, "%s was opened with RTLD_DEEPBIND and cannot be changed: %s",
			file, plugins_harm);
	errno = saved_errno;
	return handle;
}

/* Whether it depends on who asks what is opened: by the paths that are written into that file. */
static bool depends_on_caller(const char *file, const void *caller)
{
	struct link_map *map = NULL;
	Dl_info info;

	if (!dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
		return true;
	/* The program's own are searched whoever asks. */
	if (find_entry(map, DT_RPATH) && map->l_prev)
		return true;
	return (!strchr(file, '/') && find_entry(map, DT_RUNPATH)) || strchr(file, '$');
}

bool plugins_is_deep(const char *file, int flags, const void *caller)
{
	if (!file || !(flags & RTLD_DEEPBIND) || (flags & RTLD_NOLOAD))
		return false;
	if (!depends_on_caller(file, caller))
		return true;
	report(REPORT_ERROR, "%s is opened with RTLD_DEEPBIND, by its name only: %s", file,
		plugins_harm);
	return false;
}

#else

/* There is no such flag. */
bool plugins_is_deep(const char *file, int flags, const void *caller)
{
	return false;
}

void *plugins_open(const char *file, int flags)
{
	return next_dlopen(file, flags);
}

#endif
