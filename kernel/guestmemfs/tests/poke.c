// SPDX-License-Identifier: GPL-2.0
/*
 * poke FILE OFFSET BYTE...	writes bytes into a mapped file
 * poke FILE OFFSET		prints one
 * poke FILE seal OFFSET	seals the superblock that is there, whatever it says
 */
#include "check.h"

static uint32_t crc32c(uint32_t crc, const uint8_t *at, size_t length)
{
	while (length--) {
		crc ^= *at++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static void seal(uint8_t *super)
{
	uint64_t value = 0x4c41455300000000ULL | crc32c(~0U, super, 248);

	memcpy(super + 248, &value, sizeof(value));
}

int main(int argc, char **argv)
{
	bool sealing = argc == 4 && !strcmp(argv[2], "seal");
	uint8_t *at;
	off_t offset;
	int fd, i;

	NEED(argc >= 3);
	offset = strtoll(argv[sealing ? 3 : 2], NULL, 0);
	fd = open(argv[1], O_RDWR);
	NEED(fd >= 0);
	at = map_file(fd, (offset | 4095) + 1 + 4096, 0);
	if (sealing) {
		seal(at + offset);
		return 0;
	}
	if (argc == 3)
		printf("%u\n", at[offset]);
	for (i = 3; i < argc; i++)
		at[offset + i - 3] = strtoul(argv[i], NULL, 0);
	return 0;
}
