// SPDX-License-Identifier: GPL-2.0
/*
 * memerr DIR RANGE sysfs|mce|host: a memory error in a block that a file has,
 * told by sysfs; by a machine check that the kernel makes up (needs debugfs and
 * CONFIG_X86_MCE_INJECT); or by one of the machine's, which is asked for on the
 * second serial line (the KernelLab's host then tells QEMU).
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#include "check.h"

static sigjmp_buf caught;
static siginfo_t bus;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	bus = *info;
	siglongjmp(caught, 1);
}

static int touch(volatile uint8_t *at)
{
	bus.si_code = 0;
	if (sigsetjmp(caught, 1) == 0)
		*at = *at;
	return bus.si_code;
}

/* The offset within the range of the file's byte at @offset. */
static long long place_of(int fd, uint64_t offset)
{
	struct {
		struct fiemap map;
		struct fiemap_extent extent;
	} ask = { .map = { .fm_start = offset, .fm_length = 1, .fm_extent_count = 1 } };

	NEED(ioctl(fd, FS_IOC_FIEMAP, &ask) == 0);
	NEED(ask.map.fm_mapped_extents == 1);
	return ask.extent.fe_physical + offset - ask.extent.fe_logical;
}

static bool put(const char *path, const char *format, unsigned long long value)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return false;
	fprintf(file, format, value);
	return fclose(file) == 0;
}

/* Asks for one and waits for the line that says that it was made. */
static bool ask_host(unsigned long long addr)
{
	FILE *line = fopen("/dev/ttyS1", "r+");
	char answer[32];

	if (!line)
		return false;
	fprintf(line, "\n\002?=machine-check %#llx\003\n", addr);
	fflush(line);
	if (!fgets(answer, sizeof(answer), line))
		return false;
	fclose(line);
	return !strcmp(answer, "made\n") && sleep(1) == 0;
}

static bool tell(const char *range, const char *how, unsigned long long addr)
{
	char path[128];

	if (!strcmp(how, "sysfs")) {
		snprintf(path, sizeof(path), "/sys/fs/guestmemfs/%s/retire", range);
		return put(path, "%llu", addr);
	}
	if (!strcmp(how, "host"))
		return ask_host(addr);
	/* Uncorrected, address and misc valid, from memory by either vendor's rules. */
	return put("/sys/kernel/debug/mce-inject/flags", "sw\n", 0) &&
	       put("/sys/kernel/debug/mce-inject/misc", "%#llx", 0x8c) &&
	       put("/sys/kernel/debug/mce-inject/addr", "%#llx", addr) &&
	       put("/sys/kernel/debug/mce-inject/status", "%#llx", 0xbd0000000008009fULL) &&
	       put("/sys/kernel/debug/mce-inject/bank", "%llu", 4) && sleep(1) == 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	long long base, bad, place;
	const char *range;
	uint8_t *at;
	int fd;

	if (argc != 4 || chdir(argv[1])) {
		fprintf(stderr, "usage: memerr DIR RANGE sysfs|mce|host\n");
		return 2;
	}
	range = argv[2];
	base = range_value(range, "base");
	bad = range_value(range, "blocks_bad");
	sigaction(SIGBUS, &action, NULL);

	fd = make_file("victim", 3 * BLOCK);
	at = map_file(fd, 3 * BLOCK, 0);
	fill(at, 1, 0, 3 * BLOCK, 4096);
	place = place_of(fd, BLOCK);
	CHECK("told", tell(range, argv[3], base + place + 0x12340));
	CHECK("sigbus", touch(at + BLOCK + 8192) == BUS_MCEERR_AR && bus.si_addr_lsb == 12);
	CHECK("others-kept", is_filled(at, 1, 0, BLOCK, 4096) &&
	      is_filled(at, 1, 2 * BLOCK, 3 * BLOCK, 4096));
	CHECK("not-yet-retired", range_value(range, "blocks_bad") == bad);
	munmap(at, 3 * BLOCK);
	close(fd);
	NEED(unlink("victim") == 0);
	CHECK("retired", range_value(range, "blocks_bad") == bad + 1);

	fd = make_file("heir", 3 * BLOCK);
	CHECK("not-handed-out", place_of(fd, 0) != place && place_of(fd, BLOCK) != place &&
	      place_of(fd, 2 * BLOCK) != place);
	place = place_of(fd, 0);
	close(fd);
	NEED(unlink("heir") == 0);
	CHECK("told-free", tell(range, argv[3], base + place));
	CHECK("retired-free", range_value(range, "blocks_bad") == bad + 2);
	return failures != 0;
}
