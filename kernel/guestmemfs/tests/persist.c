// SPDX-License-Identifier: GPL-2.0
/*
 * persist write DIR | verify DIR | again DIR: a tree whose every name, size,
 * mode, owner, time and byte must be there in the next kernel. "again" changes
 * it between two hops, and what it leaves is what "verify" expects too.
 */
#define _GNU_SOURCE
#include <dirent.h>

#include "check.h"

#define FILES	20

struct expected {
	char path[64];
	off_t size;
	mode_t mode;
	uid_t uid;
	time_t mtime;
};

static struct expected expect(int i)
{
	struct expected e;

	snprintf(e.path, sizeof(e.path), "tree/%s/file-%d", i % 2 ? "odd" : "even/deep", i);
	e.size = (i * 777 * 1000L) % (7 * MIB) + i;
	e.mode = 0600 | (i & 077);
	e.uid = 1000 + i;
	e.mtime = 1700000000 + i * 86400;
	return e;
}

static void write_one(int i)
{
	struct expected e = expect(i);
	struct timespec times[2] = { { e.mtime, 0 }, { e.mtime, i } };
	int fd = make_file(e.path, e.size);
	size_t whole = e.size & ~7UL;
	uint8_t *at;

	if (e.size) {
		at = map_file(fd, e.size, 0);
		fill(at, i, 0, whole, 8);
		munmap(at, e.size);
	}
	NEED(fchown(fd, e.uid, 7) == 0 && fchmod(fd, e.mode) == 0 && futimens(fd, times) == 0);
	close(fd);
}

static bool is_kept(int i)
{
	struct expected e = expect(i);
	struct stat st;
	bool same = true;
	uint8_t *at;
	int fd;

	if (stat(e.path, &st) || st.st_size != e.size || (st.st_mode & 07777) != e.mode ||
	    st.st_uid != e.uid || st.st_gid != 7 || st.st_mtim.tv_sec != e.mtime ||
	    st.st_mtim.tv_nsec != i)
		return false;
	if (e.size) {
		fd = open(e.path, O_RDWR);
		NEED(fd >= 0);
		at = map_file(fd, e.size, 0);
		same = is_filled(at, i, 0, e.size & ~7UL, 8);
		munmap(at, e.size);
		close(fd);
	}
	return same;
}

static int count(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	NEED(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void write_all(void)
{
	int i;

	NEED(mkdir("tree", 0755) == 0 && mkdir("tree/odd", 0711) == 0);
	NEED(mkdir("tree/even", 0700) == 0 && mkdir("tree/even/deep", 0700) == 0);
	for (i = 0; i < FILES; i++)
		write_one(i);
	close(make_file("tree/gone", BLOCK));
	NEED(unlink("tree/gone") == 0);
}

/* Every file once more by another way: copied, renamed over, grown, shrunk. */
static void write_again(void)
{
	int i;

	for (i = 0; i < FILES; i++) {
		struct expected e = expect(i);

		NEED(rename(e.path, "tree/aside") == 0);
		write_one(i);
		NEED(truncate("tree/aside", 5 * MIB + 3) == 0 && truncate("tree/aside", 1) == 0);
		NEED(unlink("tree/aside") == 0);
	}
}

static void verify(void)
{
	struct stat st;
	char name[32];
	int i;

	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "kept-%d", i);
		CHECK(name, is_kept(i));
	}
	CHECK("kept-dir", stat("tree/odd", &st) == 0 && (st.st_mode & 07777) == 0711);
	CHECK("kept-lists", count("tree") == 2 && count("tree/odd") == FILES / 2 &&
	      count("tree/even/deep") == FILES / 2);
}

int main(int argc, char **argv)
{
	if (argc != 3 || chdir(argv[2])) {
		fprintf(stderr, "usage: persist write|verify|again DIR\n");
		return 2;
	}
	if (!strcmp(argv[1], "write"))
		write_all();
	else if (!strcmp(argv[1], "again"))
		write_again();
	else
		verify();
	return failures != 0;
}
