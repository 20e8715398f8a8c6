// SPDX-License-Identifier: GPL-2.0
/*
 * stress DIR RANGE SECONDS: four processes make, map, touch, resize, punch,
 * rename and unlink the same few files; nothing may be lost by the end. For
 * kernels that look over one's shoulder (KASAN, lockdep).
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <time.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/falloc.h>

#include "check.h"

#define FILES	6

static sigjmp_buf caught;

static void on_sigbus(int number)
{
	(void)number;
	siglongjmp(caught, 1);
}

/* Beyond the end, a hole in a full range: SIGBUS is an answer like others. */
static void touch(volatile uint8_t *at)
{
	if (sigsetjmp(caught, 1) == 0)
		*at += 1;
}

static void step(void)
{
	char name[16], other[16];
	uint8_t *at;
	int fd;

	snprintf(name, sizeof(name), "s%ld", random() % FILES);
	snprintf(other, sizeof(other), "s%ld", random() % FILES);
	fd = open(name, O_RDWR | O_CREAT, 0600);
	NEED(fd >= 0 || errno == ENOENT);
	if (fd < 0)
		return;
	switch (random() % 7) {
	case 0:
		NEED(ftruncate(fd, random() % (8 * BLOCK)) == 0 || errno == ENOSPC);
		break;
	case 1:
		NEED(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       random() % (8 * BLOCK), 1 + random() % (4 * BLOCK)) == 0);
		break;
	case 2:
		unlink(name);
		break;
	case 3:
		rename(name, other);
		break;
	case 4:
		syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, other, RENAME_EXCHANGE);
		break;
	default:
		at = map_file(fd, 8 * BLOCK, 0);
		for (int i = 0; i < 8; i++)
			touch(at + random() % (8 * BLOCK));
		mprotect(at + 4096 * (random() % 2048), 4096, PROT_READ);
		if (random() % 4 == 0)
			munmap(at + BLOCK, 4096);
		munmap(at, 8 * BLOCK);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	long long blocks;
	time_t end;
	int status;

	if (argc != 4 || chdir(argv[1])) {
		fprintf(stderr, "usage: stress DIR RANGE SECONDS\n");
		return 2;
	}
	signal(SIGBUS, on_sigbus);
	blocks = range_value(argv[2], "blocks_free");
	end = time(NULL) + atol(argv[3]);
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			srandom(i + 1);
			while (time(NULL) < end)
				step();
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		wait(&status);
		CHECK("process", WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	for (int i = 0; i < FILES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%d", i);
		unlink(name);
	}
	CHECK("all-given-back", range_value(argv[2], "blocks_free") == blocks);
	return failures != 0;
}
