/*
 * The C library's clock for a native server, held by a test: loaded before libc (LD_PRELOAD), it tells the time of the
 * file that GMF_TEST_CLOCK names, whose one word MovableClock writes. Only the wall clock; intervals go by the
 * monotonic one as ever.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int clock_file = -1;

__attribute__((constructor)) static void open_clock(void)
{
	const char *path = getenv("GMF_TEST_CLOCK");

	if (path)
		clock_file = open(path, O_RDONLY | O_CLOEXEC);
}

int clock_gettime(clockid_t id, struct timespec *time)
{
	int result = (int)syscall(SYS_clock_gettime, id, time);
	int64_t word, milliseconds;

	if (result || id != CLOCK_REALTIME || clock_file < 0 || pread(clock_file, &word, sizeof(word), 0) != sizeof(word))
		return result;

	/* The lowest bit tells a time that stands still from a distance to the machine's clock. */
	if (word & 1) {
		milliseconds = word >> 1;
		time->tv_nsec = milliseconds % 1000 * 1000000;
	} else {
		milliseconds = time->tv_sec * 1000 + time->tv_nsec / 1000000 + (word >> 1);
		time->tv_nsec = milliseconds % 1000 * 1000000 + time->tv_nsec % 1000000;
	}
	time->tv_sec = milliseconds / 1000;
	return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now))
		return -1;
	time->tv_sec = now.tv_sec;
	time->tv_usec = now.tv_nsec / 1000;
	return 0;
}
