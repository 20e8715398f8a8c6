// SPDX-License-Identifier: GPL-2.0
/* names DIR RANGE: create, unlink, directories, rename, attributes, statfs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "check.h"

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static int rename2(const char *from, const char *to, unsigned int flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static int fails_with(int result, int error)
{
	return result < 0 && errno == error;
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	NEED(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void read_and_write(void)
{
	int fd = make_file("rw", BLOCK);
	char byte = 1;

	CHECK("read-refused", fails_with(read(fd, &byte, 1), EINVAL));
	CHECK("write-refused", fails_with(write(fd, &byte, 1), EINVAL));
	CHECK("fsync", fsync(fd) == 0 && fdatasync(fd) == 0);
	CHECK("seek-end", lseek(fd, 0, SEEK_END) == (off_t)BLOCK);
	close(fd);
	NEED(unlink("rw") == 0);
}

static void directories(void)
{
	struct stat st;

	CHECK("mkdir", mkdir("d", 0750) == 0 && mkdir("d/e", 0700) == 0);
	CHECK("mkdir-again", fails_with(mkdir("d", 0700), EEXIST));
	CHECK("nlink", stat("d", &st) == 0 && st.st_nlink == 3 && (st.st_mode & 07777) == 0750);
	close(make_file("d/e/f", 0));
	CHECK("rmdir-full", fails_with(rmdir("d/e"), ENOTEMPTY));
	CHECK("list", count_entries("d/e") == 3);
	CHECK("rmdir", unlink("d/e/f") == 0 && rmdir("d/e") == 0 && rmdir("d") == 0 && !exists("d"));
}

static void long_names(void)
{
	char name[257];

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	close(make_file(name, 0));
	CHECK("name-255", exists(name) && unlink(name) == 0);
	name[255] = 'n';
	name[256] = 0;
	CHECK("name-256", fails_with(open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG));
}

static void many_names(void)
{
	char name[32];
	int i, seen;

	NEED(mkdir("many", 0700) == 0);
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		close(make_file(name, 0));
	}
	seen = count_entries("many");
	CHECK("many", seen == 502);
	for (i = 0; i < 500; i += 2) {
		snprintf(name, sizeof(name), "many/%d", i);
		NEED(unlink(name) == 0);
	}
	CHECK("half-of-many", count_entries("many") == 252 && !exists("many/2") && exists("many/3"));
	for (i = 1; i < 500; i += 2) {
		snprintf(name, sizeof(name), "many/%d", i);
		NEED(unlink(name) == 0);
	}
	NEED(rmdir("many") == 0);
}

static ino_t ino_of(const char *path)
{
	struct stat st;

	NEED(stat(path, &st) == 0);
	return st.st_ino;
}

static void renames(void)
{
	ino_t a, b;

	NEED(mkdir("x", 0700) == 0 && mkdir("y", 0700) == 0);
	close(make_file("x/a", BLOCK));
	close(make_file("y/b", BLOCK));
	a = ino_of("x/a");
	b = ino_of("y/b");
	CHECK("rename-noreplace", fails_with(rename2("x/a", "y/b", RENAME_NOREPLACE), EEXIST) &&
	      ino_of("x/a") == a);
	CHECK("rename-exchange", rename2("x/a", "y/b", RENAME_EXCHANGE) == 0 &&
	      ino_of("x/a") == b && ino_of("y/b") == a);
	CHECK("rename-over", rename("y/b", "x/a") == 0 && ino_of("x/a") == a && !exists("y/b"));
	CHECK("rename-dir", rename("x", "y/z") == 0 && ino_of("y/z/a") == a);
	CHECK("rename-into-self", fails_with(rename("y", "y/z/y"), EINVAL));
	CHECK("rename-whiteout", fails_with(rename2("y/z/a", "q", RENAME_WHITEOUT), EINVAL));
	NEED(mkdir("full", 0700) == 0);
	close(make_file("full/f", 0));
	CHECK("rename-over-full", fails_with(rename("y", "full"), ENOTEMPTY));
	NEED(unlink("full/f") == 0);
	CHECK("rename-over-empty", rename("y", "full") == 0 && ino_of("full/z/a") == a);
	NEED(unlink("full/z/a") == 0 && rmdir("full/z") == 0 && rmdir("full") == 0);
}

static void attributes(void)
{
	struct timespec times[2] = { { 1000000000, 1 }, { 1000000001, 999999999 } };
	struct stat st;

	close(make_file("attr", 5));
	CHECK("chmod", chmod("attr", 0641) == 0 && stat("attr", &st) == 0 &&
	      (st.st_mode & 07777) == 0641);
	CHECK("chown", chown("attr", 12, 34) == 0 && stat("attr", &st) == 0 &&
	      st.st_uid == 12 && st.st_gid == 34);
	CHECK("utimens", utimensat(AT_FDCWD, "attr", times, 0) == 0 && stat("attr", &st) == 0 &&
	      st.st_mtim.tv_sec == 1000000001 && st.st_mtim.tv_nsec == 999999999);
	CHECK("link-refused", fails_with(link("attr", "hard"), EPERM));
	NEED(unlink("attr") == 0);
}

static void free_space(const char *range)
{
	struct statfs before, with, after;
	int fd;

	NEED(statfs(".", &before) == 0);
	fd = make_file("space", 3 * BLOCK + 1);
	NEED(statfs(".", &with) == 0);
	CHECK("statfs", before.f_bsize == (long)BLOCK && before.f_bfree <= before.f_blocks &&
	      with.f_bfree == before.f_bfree - 4 && with.f_ffree == before.f_ffree - 1);
	NEED(unlink("space") == 0);
	NEED(statfs(".", &after) == 0);
	CHECK("unlink-keeps-open", after.f_bfree == with.f_bfree);
	close(fd);
	NEED(statfs(".", &after) == 0);
	CHECK("close-frees", after.f_bfree == before.f_bfree && after.f_ffree == before.f_ffree);
	CHECK("sysfs-free", range_value(range, "blocks_free") == (long long)after.f_bfree);
}

int main(int argc, char **argv)
{
	if (argc != 3 || chdir(argv[1])) {
		fprintf(stderr, "usage: names DIR RANGE\n");
		return 2;
	}
	read_and_write();
	directories();
	long_names();
	many_names();
	renames();
	attributes();
	free_space(argv[2]);
	return failures != 0;
}
