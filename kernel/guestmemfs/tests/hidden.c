// SPDX-License-Identifier: GPL-2.0
/*
 * hidden DIR RANGE: what a file holds is not to be had but by mapping it: not
 * through /dev/mem, /proc/kcore (direct map and the module's own alias),
 * /proc/PID/mem, process_vm_readv or a core dump.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <sys/uio.h>

#include "check.h"

#define SECRET	0x5ec4e75ec4e75ec4ULL

static uint64_t base;

/* Can /dev/mem read this? A kernel without CONFIG_STRICT_DEVMEM reads all. */
static bool dev_mem_reads(uint64_t addr)
{
	uint64_t word;
	int fd = open("/dev/mem", O_RDONLY);
	bool read = fd >= 0 && pread(fd, &word, sizeof(word), addr) == sizeof(word);

	close(fd);
	return read;
}

static bool dev_mem_maps(uint64_t addr)
{
	int fd = open("/dev/mem", O_RDWR);
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, addr);

	close(fd);
	return fd >= 0 && at != MAP_FAILED;
}

/* A word of kernel memory, 0 if /proc/kcore does not give it. */
static uint64_t kcore_word(int fd, const Elf64_Phdr *segments, int count, uint64_t virtual)
{
	uint64_t word = 0;

	for (int i = 0; i < count; i++)
		if (segments[i].p_type == PT_LOAD && virtual >= segments[i].p_vaddr &&
		    virtual - segments[i].p_vaddr < segments[i].p_memsz &&
		    pread(fd, &word, sizeof(word),
			  segments[i].p_offset + virtual - segments[i].p_vaddr) == sizeof(word))
			return word;
	return 0;
}

/* Where the module has the range mapped, from /proc/vmallocinfo. */
static uint64_t alias(void)
{
	unsigned long long from, to, phys;
	char line[512], *at;
	uint64_t found = 0;
	FILE *file;

	file = fopen("/proc/sys/kernel/kptr_restrict", "w");
	NEED(file && fputs("1", file) >= 0 && fclose(file) == 0);
	file = fopen("/proc/vmallocinfo", "r");
	NEED(file);
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, "phys=");
		if (at && sscanf(line, "%llx-%llx", &from, &to) == 2 &&
		    sscanf(at, "phys=%llx", &phys) == 1 && phys == base)
			found = from;
	}
	fclose(file);
	return found;
}

static void kcore(void)
{
	int fd = open("/proc/kcore", O_RDONLY), direct = 0;
	Elf64_Phdr segments[256];
	Elf64_Ehdr header;
	uint64_t at;

	if (fd < 0) {
		printf("ok kcore # skipped: no /proc/kcore\n");
		return;
	}
	NEED(pread(fd, &header, sizeof(header), 0) == sizeof(header) && header.e_phnum <= 256);
	NEED(pread(fd, segments, header.e_phnum * sizeof(*segments), header.e_phoff) > 0);
	for (int i = 0; i < header.e_phnum; i++)
		direct += segments[i].p_type == PT_LOAD && segments[i].p_paddr <= base &&
			  base - segments[i].p_paddr < segments[i].p_memsz &&
			  segments[i].p_paddr != (uint64_t)-1 && segments[i].p_paddr;
	CHECK("kcore-direct-map", direct == 0);
	at = alias();
	CHECK("alias-found", at != 0);
	CHECK("kcore-alias", kcore_word(fd, segments, header.e_phnum, at) == 0 &&
	      kcore_word(fd, segments, header.e_phnum, at + BLOCK) != SECRET);
	close(fd);
}

static bool smaps_has(const void *at, const char *flag)
{
	char line[512], start[32];
	bool inside = false, has = false;
	FILE *file = fopen("/proc/self/smaps", "r");

	NEED(file);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)at);
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, start) == line)
			inside = true;
		else if (inside && !strncmp(line, "VmFlags:", 8)) {
			has = strstr(line, flag);
			break;
		}
	}
	fclose(file);
	return has;
}

int main(int argc, char **argv)
{
	uint64_t word = 0;
	struct iovec to = { &word, 8 }, from;
	uint8_t *at;
	int fd, mem;

	if (argc != 3 || chdir(argv[1])) {
		fprintf(stderr, "usage: hidden DIR RANGE\n");
		return 2;
	}
	base = range_value(argv[2], "base");
	fd = make_file("secret", BLOCK);
	at = map_file(fd, BLOCK, 0);
	for (size_t i = 0; i < BLOCK; i += 8)
		*(volatile uint64_t *)(at + i) = SECRET;

	if (dev_mem_reads(16 * MIB)) {
		printf("ok dev-mem # skipped: a kernel without CONFIG_STRICT_DEVMEM\n");
	} else {
		CHECK("dev-mem-read", !dev_mem_reads(base) && !dev_mem_reads(base + BLOCK));
		CHECK("dev-mem-map", !dev_mem_maps(base) && !dev_mem_maps(base + BLOCK));
	}
	kcore();
	from = (struct iovec){ at, 8 };
	CHECK("process-vm-readv", process_vm_readv(getpid(), &to, 1, &from, 1, 0) < 0);
	mem = open("/proc/self/mem", O_RDONLY);
	CHECK("proc-mem", pread(mem, &word, 8, (uintptr_t)at) < 0);
	CHECK("not-dumped", smaps_has(at, " dd"));
	munmap(at, BLOCK);
	close(fd);
	NEED(unlink("secret") == 0);
	return failures != 0;
}
