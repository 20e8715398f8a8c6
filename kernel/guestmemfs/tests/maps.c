// SPDX-License-Identifier: GPL-2.0
/* maps DIR RANGE: sizes, holes, mappings, faults, scrubbing, the end of file. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <linux/falloc.h>

#include "check.h"

static sigjmp_buf caught;
static volatile int bus_code;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	bus_code = info->si_code;
	siglongjmp(caught, 1);
}

/* SIGBUS's si_code, 0 for none. */
static int touch(volatile uint8_t *at)
{
	bus_code = 0;
	if (sigsetjmp(caught, 1) == 0)
		*at = *at;
	return bus_code;
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static int fails_with(int result, int error)
{
	return result < 0 && errno == error;
}

static long long free_blocks(void)
{
	struct statfs st;

	NEED(statfs(".", &st) == 0);
	return st.f_bfree;
}

static void sizes(void)
{
	int fd = make_file("size", 3 * MIB);
	uint8_t *at = map_file(fd, 3 * MIB, 0);
	struct stat st;

	CHECK("fresh-is-zero", is_zero(at, 0, 3 * MIB));
	fill(at, 1, 0, 3 * MIB, 8);
	NEED(ftruncate(fd, 9 * MIB) == 0);
	munmap(at, 3 * MIB);
	at = map_file(fd, 9 * MIB, 0);
	CHECK("grow-keeps", is_filled(at, 1, 0, 3 * MIB, 8));
	CHECK("grow-is-zero", is_zero(at, 3 * MIB, 9 * MIB));
	fill(at, 2, 3 * MIB, 9 * MIB, 8);
	NEED(ftruncate(fd, 5 * MIB) == 0);
	CHECK("shrink-keeps", is_filled(at, 1, 0, 3 * MIB, 8) && is_filled(at, 2, 3 * MIB, 5 * MIB, 8));
	CHECK("shrink-sigbus", touch(at + 5 * MIB) == BUS_ADRERR && touch(at + 7 * MIB) == BUS_ADRERR);
	CHECK("shrink-blocks", fstat(fd, &st) == 0 && st.st_blocks == 3 * 4096 &&
	      st.st_size == 5 * MIB);
	NEED(ftruncate(fd, 9 * MIB) == 0);
	CHECK("regrow-is-zero", is_zero(at, 5 * MIB, 9 * MIB) && is_filled(at, 1, 0, 3 * MIB, 8));
	NEED(ftruncate(fd, 8 * MIB + 10) == 0);
	at[8 * MIB + 100] = 77;		/* behind the end, in its page */
	NEED(ftruncate(fd, 8 * MIB + 4096) == 0);
	CHECK("tail-is-zero", is_zero(at, 8 * MIB, 8 * MIB + 4096));
	munmap(at, 9 * MIB);
	close(fd);
	NEED(unlink("size") == 0);
}

static void end_of_file(void)
{
	int fd = make_file("eof", 4096 + 5);
	uint8_t *at = map_file(fd, 2 * BLOCK, 0);

	CHECK("eof-last-page", touch(at + 8191) == 0);
	CHECK("eof-sigbus", touch(at + 8192) == BUS_ADRERR && touch(at + BLOCK) == BUS_ADRERR);
	CHECK("private-refused", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED &&
	      errno == EINVAL);
	munmap(at, 2 * BLOCK);
	close(fd);
	NEED(unlink("eof") == 0);
}

static void offsets(void)
{
	int fd = make_file("offset", 8 * MIB);
	uint8_t *whole = map_file(fd, 8 * MIB, 0), *part;

	fill(whole, 3, 0, 8 * MIB, 4096);
	part = map_file(fd, 4 * MIB, 3 * MIB);
	CHECK("mmap-offset", !memcmp(part, whole + 3 * MIB, 4 * MIB));
	munmap(part, 4 * MIB);
	part = map_file(fd, 8192, 4 * MIB + 4096);
	CHECK("mmap-offset-small", !memcmp(part, whole + 4 * MIB + 4096, 8192));
	munmap(part, 8192);
	munmap(whole, 8 * MIB);
	close(fd);
	NEED(unlink("offset") == 0);
}

static void huge_pages(const char *range)
{
	long long small = range_value(range, "faults_4k"), large = range_value(range, "faults_2m");
	int fd = make_file("huge", 32 * MIB);
	uint8_t *at = map_file(fd, 32 * MIB, 0), *twice, *place;
	long before = faults();

	fill(at, 4, 0, 32 * MIB, 4096);
	CHECK("pmd-faults", faults() - before < 40);
	CHECK("pmd-counted", range_value(range, "faults_2m") - large == 16 &&
	      range_value(range, "faults_4k") == small);

	/* Out of step by 4 KiB: small pages, the same memory. */
	place = mmap(NULL, 8 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	place = (uint8_t *)(((uintptr_t)place + BLOCK) & ~(BLOCK - 1)) + 4096;
	twice = mmap(place, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	CHECK("misaligned", twice == place && is_filled(twice, 4, 0, 4 * MIB, 4096));
	CHECK("4k-counted", range_value(range, "faults_4k") - small == 1024);

	CHECK("mprotect", mprotect(at + 4 * MIB + 8192, 4096, PROT_READ) == 0 &&
	      is_filled(at, 4, 0, 32 * MIB, 4096));
	CHECK("mprotect-back", mprotect(at + 4 * MIB + 8192, 4096, PROT_READ | PROT_WRITE) == 0);
	at[4 * MIB + 8192] = at[4 * MIB + 8192];
	CHECK("partial-unmap", munmap(at + 10 * MIB + 4096, 8192) == 0 &&
	      is_filled(at, 4, 0, 10 * MIB, 4096) &&
	      is_filled(at, 4, 10 * MIB + 12288, 32 * MIB, 4096));

	if (fork() == 0) {
		bool same = is_filled(at, 4, 0, 10 * MIB, 4096);

		*(volatile uint64_t *)(at + 16) = 42;
		_exit(same ? 0 : 1);
	} else {
		int status;

		wait(&status);
		CHECK("fork", WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
		      *(volatile uint64_t *)(at + 16) == 42);
	}
	munmap(at, 32 * MIB);
	munmap(place, 4 * MIB);
	close(fd);
	NEED(unlink("huge") == 0);
}

/* Needs a GiB of physical memory that is free as a whole. */
static void giant_pages(const char *range)
{
	long long before = range_value(range, "faults_1g");
	uint8_t *at;
	int fd;

	if (free_blocks() < 512 + 256) {
		printf("ok pud-faults # skipped: the range is smaller than 1.5 GiB\n");
		return;
	}
	fd = make_file("giant", GIB);
	at = map_file(fd, GIB, 0);
	fill(at, 5, 0, GIB, BLOCK);
	CHECK("pud-faults", range_value(range, "faults_1g") - before == 1);
	CHECK("pud-mprotect", mprotect(at + 64 * MIB, 4096, PROT_READ) == 0 &&
	      is_filled(at, 5, 0, GIB, BLOCK));
	CHECK("pud-unmap", munmap(at + 128 * MIB, BLOCK) == 0 &&
	      is_filled(at, 5, 0, 128 * MIB, BLOCK) &&
	      is_filled(at, 5, 130 * MIB, GIB, BLOCK));
	munmap(at, GIB);
	at = map_file(fd, GIB, 0);
	NEED(touch(at) == 0);
	NEED(ftruncate(fd, GIB - BLOCK) == 0);
	CHECK("pud-shrink", touch(at + GIB - BLOCK) == BUS_ADRERR &&
	      is_filled(at, 5, 0, 128 * MIB, BLOCK));
	munmap(at, GIB);
	close(fd);
	NEED(unlink("giant") == 0);
}

static void holes(void)
{
	int fd = make_file("hole", 8 * MIB);
	uint8_t *at = map_file(fd, 8 * MIB, 0);
	long long before = free_blocks();

	fill(at, 6, 0, 8 * MIB, 8);
	CHECK("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 MIB, 4 * MIB) == 0);
	CHECK("punch-frees", free_blocks() == before + 1);
	CHECK("punch-zero", is_zero(at, MIB, 5 * MIB));
	CHECK("punch-keeps", is_filled(at, 6, 0, MIB, 8) && is_filled(at, 6, 5 * MIB, 8 * MIB, 8));
	CHECK("hole-filled", free_blocks() == before);
	CHECK("fallocate", fallocate(fd, 0, 0, 10 * MIB) == 0 && free_blocks() == before - 1 &&
	      lseek(fd, 0, SEEK_END) == (off_t)(10 * MIB));
	CHECK("fallocate-keep", fails_with(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20 * MIB),
					   EOPNOTSUPP));
	munmap(at, 8 * MIB);
	close(fd);
	NEED(unlink("hole") == 0);
}

static void scrubbing(void)
{
	long long all = free_blocks();
	int fd = make_file("secret", all * BLOCK), other;
	uint8_t *at = map_file(fd, all * BLOCK, 0);
	bool clean = true;

	CHECK("whole-range", free_blocks() == 0);
	CHECK("enospc-grow", fails_with(ftruncate(fd, all * BLOCK + 1), ENOSPC) &&
	      lseek(fd, 0, SEEK_END) == (off_t)(all * BLOCK));
	other = open("other", O_CREAT | O_RDWR, 0600);
	CHECK("enospc", fails_with(ftruncate(other, 1), ENOSPC) &&
	      fails_with(fallocate(other, 0, 0, 1), ENOSPC));
	CHECK("efbig", fails_with(ftruncate(other, 1L << 46), EFBIG));
	memset(at, 0x5a, 16 * BLOCK);
	*(at + (all - 1) * BLOCK) = 0x5a;
	NEED(unlink("secret") == 0);
	close(fd);
	CHECK("mapping-keeps", at[5 * BLOCK] == 0x5a && free_blocks() == 0);
	munmap(at, all * BLOCK);
	CHECK("munmap-frees", free_blocks() == all);
	NEED(ftruncate(other, all * BLOCK) == 0);
	at = map_file(other, all * BLOCK, 0);
	for (long long block = 0; block < all; block++)
		clean = clean && is_zero(at, block * BLOCK, block * BLOCK + 64);
	CHECK("scrubbed", clean && is_zero(at, 0, 16 * BLOCK));
	munmap(at, all * BLOCK);
	close(other);
	NEED(unlink("other") == 0);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	if (argc != 3 || chdir(argv[1])) {
		fprintf(stderr, "usage: maps DIR RANGE\n");
		return 2;
	}
	sigaction(SIGBUS, &action, NULL);
	sizes();
	end_of_file();
	offsets();
	huge_pages(argv[2]);
	giant_pages(argv[2]);
	holes();
	scrubbing();
	return failures != 0;
}
