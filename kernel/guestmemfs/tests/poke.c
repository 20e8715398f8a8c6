// SPDX-License-Identifier: GPL-2.0
/* poke FILE OFFSET BYTE...: writes bytes into a mapped file; poke FILE OFFSET prints one. */
#include "check.h"

int main(int argc, char **argv)
{
	uint8_t *at;
	off_t offset;
	int fd, i;

	NEED(argc >= 3);
	offset = strtoll(argv[2], NULL, 0);
	fd = open(argv[1], O_RDWR);
	NEED(fd >= 0);
	at = map_file(fd, (offset | 4095) + 1 + 4096, 0);
	if (argc == 3)
		printf("%u\n", at[offset]);
	for (i = 3; i < argc; i++)
		at[offset + i - 3] = strtoul(argv[i], NULL, 0);
	return 0;
}
