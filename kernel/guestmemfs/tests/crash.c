// SPDX-License-Identifier: GPL-2.0
/*
 * crash run DIR: changes names and sizes until the kernel is gone, and notes
 * in the mapped file "acked" what has returned. crash verify DIR RANGE: each
 * change is there or not there, none that was acknowledged is missing, no
 * block is lost, and nothing is handed out that was not scrubbed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <ftw.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "check.h"

struct acked {
	volatile uint64_t round;	/* rounds whose every step has returned */
	volatile uint64_t published;	/* generation of "current" */
};

static struct acked *acked;

static off_t size_of(uint64_t generation)
{
	return MIB / 2 + (generation % 7) * MIB;
}

/* A new file under another name, then over the old one. */
static void publish(uint64_t generation)
{
	off_t size = size_of(generation);
	uint8_t *at;
	int fd;

	unlink("new");
	fd = make_file("new", size);
	at = map_file(fd, size, 0);
	fill(at, generation, 0, size, 4096);
	*(volatile uint64_t *)(at + 8) = generation;
	munmap(at, size);
	close(fd);
	NEED(rename("new", "current") == 0);
	acked->published = generation;
}

static void exchange(void)
{
	NEED(syscall(SYS_renameat2, AT_FDCWD, "left/x", AT_FDCWD, "right/y", RENAME_EXCHANGE) == 0);
}

static void wander(uint64_t round)
{
	NEED(rename(round % 2 ? "left/w" : "right/w", round % 2 ? "right/w" : "left/w") == 0);
}

static void breathe(void)
{
	NEED(truncate("elastic", 3 * BLOCK + 100) == 0);
	NEED(truncate("elastic", BLOCK + 50) == 0);
}

/* Two links to the future: a directory that comes and goes, with a file. */
static void come_and_go(void)
{
	int fd;

	NEED(mkdir("brief", 0700) == 0 || errno == EEXIST);
	unlink("brief/f");
	fd = make_file("brief/f", BLOCK);
	NEED(unlink("brief/f") == 0);	/* while open: an orphan */
	close(fd);
	NEED(rmdir("brief") == 0);
}

static void prepare(void)
{
	uint8_t *at;
	int fd;

	NEED(mkdir("left", 0700) == 0 && mkdir("right", 0700) == 0);
	fd = make_file("elastic", BLOCK + 50);
	at = map_file(fd, BLOCK, 0);
	fill(at, 99, 0, BLOCK, 8);
	close(fd);
	close(make_file("left/x", 1));
	close(make_file("right/y", 2));
	close(make_file("left/w", 3));
	publish(1);
}

static void open_acked(void)
{
	bool fresh = access("acked", F_OK) != 0;
	int fd = open("acked", O_RDWR | O_CREAT, 0600);

	NEED(fd >= 0);
	if (fresh)
		NEED(ftruncate(fd, BLOCK) == 0);
	acked = (struct acked *)map_file(fd, BLOCK, 0);
	close(fd);
}

static void run(long rounds)
{
	bool fresh = access("current", F_OK) != 0;
	uint64_t round;

	open_acked();
	if (fresh)
		prepare();
	unlink("new");
	/* The round that was cut off may have moved "w" already. */
	round = access("left/w", F_OK) == 0 ? 1 : 0;
	round += (acked->round + 2) & ~1UL;
	for (; rounds; rounds--, round++) {
		publish(acked->published + 1);
		exchange();
		wander(round);
		breathe();
		come_and_go();
		acked->round = round;
	}
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool current_is_whole(void)
{
	uint64_t generation;
	struct stat st;
	uint8_t *at;
	bool whole;
	int fd = open("current", O_RDWR);

	NEED(fd >= 0 && fstat(fd, &st) == 0 && st.st_size);
	at = map_file(fd, st.st_size, 0);
	generation = *(volatile uint64_t *)(at + 8);
	whole = st.st_size == size_of(generation) && generation >= acked->published &&
		generation <= acked->published + 1 &&
		is_filled(at, generation, 0, st.st_size, 4096);
	munmap(at, st.st_size);
	close(fd);
	return whole;
}

static bool elastic_is_whole(void)
{
	struct stat st;
	uint8_t *at;
	bool whole;
	int fd = open("elastic", O_RDWR);

	NEED(fd >= 0 && fstat(fd, &st) == 0);
	if (st.st_size != BLOCK + 50 && st.st_size != 3 * BLOCK + 100)
		return false;
	NEED(ftruncate(fd, 3 * BLOCK + 100) == 0);
	at = map_file(fd, 3 * BLOCK + 100, 0);
	whole = is_filled(at, 99, 0, BLOCK, 8) && is_zero(at, BLOCK, 3 * BLOCK + 100);
	munmap(at, 3 * BLOCK + 100);
	NEED(ftruncate(fd, BLOCK + 50) == 0);
	close(fd);
	return whole;
}

static long long used_blocks;

static int add_blocks(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)type;
	(void)ftw;
	used_blocks += st->st_blocks / 4096;
	return 0;
}

static bool no_block_is_lost(const char *range)
{
	used_blocks = 0;
	NEED(nftw(".", add_blocks, 16, FTW_PHYS) == 0);
	return used_blocks + range_value(range, "blocks_free") + range_value(range, "blocks_meta") ==
	       range_value(range, "blocks");
}

static bool free_space_is_zero(void)
{
	struct statfs st;
	size_t size;
	uint8_t *at;
	bool zero;
	int fd;

	NEED(statfs(".", &st) == 0);
	size = st.f_bfree * BLOCK;
	fd = make_file("all", size);
	at = map_file(fd, size, 0);
	zero = true;
	for (size_t page = 0; page < size; page += 4096)
		zero = zero && is_zero(at, page + 8, page + 16) && is_zero(at, page, page + 8);
	munmap(at, size);
	close(fd);
	NEED(unlink("all") == 0);
	return zero;
}

static void verify(const char *range)
{
	if (!exists("current")) {
		printf("ok nothing-yet # the crash came before the first round\n");
		return;
	}
	open_acked();
	CHECK("current", current_is_whole());
	CHECK("exchange", exists("left/x") && exists("right/y"));
	CHECK("wander", exists("left/w") != exists("right/w"));
	CHECK("elastic", elastic_is_whole());
	CHECK("blocks", no_block_is_lost(range));
	CHECK("scrubbed", free_space_is_zero());
	printf("# %llu rounds acknowledged\n", (unsigned long long)acked->round);
}

int main(int argc, char **argv)
{
	if (argc < 3 || chdir(argv[2])) {
		fprintf(stderr, "usage: crash run DIR [ROUNDS] | crash verify DIR RANGE\n");
		return 2;
	}
	if (!strcmp(argv[1], "run"))
		run(argc > 3 ? atol(argv[3]) : -1);
	else if (argc == 4)
		verify(argv[3]);
	return failures != 0;
}
