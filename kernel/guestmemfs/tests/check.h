/* SPDX-License-Identifier: GPL-2.0 */
/* One line a check: "ok NAME" or "FAIL NAME reason"; the exit code is 1 if any failed. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB	(1UL << 20)
#define BLOCK	(2 * MIB)
#define GIB	(1UL << 30)

static __attribute__((unused)) int failures;

#define CHECK(name, condition)							\
	do {									\
		errno = 0;							\
		if (condition) {						\
			printf("ok %s\n", name);				\
		} else {							\
			printf("FAIL %s line %d: %s (%s)\n", name, __LINE__,	\
			       #condition, strerror(errno));			\
			failures++;						\
		}								\
		fflush(stdout);							\
	} while (0)

/* What a test cannot go on without. */
#define NEED(condition)								\
	do {									\
		if (!(condition)) {						\
			printf("FAIL setup line %d: %s (%s)\n", __LINE__,	\
			       #condition, strerror(errno));			\
			exit(1);						\
		}								\
	} while (0)

static inline int make_file(const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	NEED(fd >= 0);
	NEED(ftruncate(fd, size) == 0);
	return fd;
}

static inline uint8_t *map_file(int fd, size_t size, off_t offset)
{
	uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	NEED(at != MAP_FAILED);
	return at;
}

/* The number in /sys/fs/guestmemfs/RANGE/NAME. */
static inline long long range_value(const char *range, const char *name)
{
	char path[256];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/fs/guestmemfs/%s/%s", range, name);
	file = fopen(path, "r");
	NEED(file);
	NEED(fscanf(file, "%lli", &value) == 1);
	fclose(file);
	return value;
}

/* A word that says where it stands: which file's, which offset. */
static inline uint64_t stamp(uint64_t seed, uint64_t offset)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL ^ (offset + 1) * 0xd6e8feb86659fd93ULL;

	return x ^ (x >> 29);
}

static inline void fill(uint8_t *at, uint64_t seed, size_t from, size_t to, size_t step)
{
	for (; from < to; from += step)
		*(volatile uint64_t *)(at + from) = stamp(seed, from);
}

static inline bool is_filled(const uint8_t *at, uint64_t seed, size_t from, size_t to, size_t step)
{
	for (; from < to; from += step)
		if (*(const volatile uint64_t *)(at + from) != stamp(seed, from))
			return false;
	return true;
}

static inline bool is_zero(const uint8_t *at, size_t from, size_t to)
{
	for (; from < to; from++)
		if (at[from])
			return false;
	return true;
}

#endif
