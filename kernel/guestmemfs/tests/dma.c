// SPDX-License-Identifier: GPL-2.0
/*
 * dma write DIR | dma verify DIR: a device that user space drives through VFIO
 * (QEMU's edu behind its emulated IOMMU) copies pieces of a file, one after the
 * other through its own buffer: from the file's first block into its second.
 * "verify", in a later kernel, finds what the device wrote and has it copy on.
 */
#define _GNU_SOURCE
#include <linux/pci_regs.h>

#include "edu.h"

#define PIECES	4	/* that a run copies: a tenth of a second each way */

/* Below 256 MiB: edu's addresses have 28 bits. */
#define IOVA		(16 * MIB)
#define FILE_SIZE	(3 * BLOCK)

static int container, group, device;
static volatile uint8_t *registers;

static void open_device(void)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	struct vfio_group_status status = { .argsz = sizeof(status) };
	uint16_t command;
	char name[256], path[64];

	find_device(name, sizeof(name));
	snprintf(path, sizeof(path), "/dev/vfio/%d", hand_over(name));
	container = open("/dev/vfio/vfio", O_RDWR);
	NEED(container >= 0 && ioctl(container, VFIO_GET_API_VERSION) == VFIO_API_VERSION);
	group = open(path, O_RDWR);
	NEED(group >= 0 && ioctl(group, VFIO_GROUP_GET_STATUS, &status) == 0);
	NEED(status.flags & VFIO_GROUP_FLAGS_VIABLE);
	NEED(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == 0);
	NEED(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0);
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
	NEED(device >= 0);
	NEED(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) == 0);
	NEED(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) == 0);
	NEED(pread(device, &command, sizeof(command), config.offset + PCI_COMMAND) == sizeof(command));
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	NEED(pwrite(device, &command, sizeof(command), config.offset + PCI_COMMAND) == sizeof(command));
	registers = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar.offset);
	NEED(registers != MAP_FAILED);
}

static void run(uint64_t source, uint64_t target, uint64_t direction)
{
	*(volatile uint64_t *)(registers + EDU_SOURCE) = source;
	*(volatile uint64_t *)(registers + EDU_TARGET) = target;
	*(volatile uint64_t *)(registers + EDU_COUNT) = EDU_PIECE;
	*(volatile uint64_t *)(registers + EDU_COMMAND) = EDU_RUN | direction;
	for (int i = 0; *(volatile uint64_t *)(registers + EDU_COMMAND) & EDU_RUN; i++) {
		NEED(i < 5000);
		usleep(1000);
	}
}

static void read_by_device(uint64_t from)
{
	run(from, EDU_BUFFER, 0);
}

static void write_by_device(uint64_t to)
{
	run(EDU_BUFFER, to, EDU_TO_MEMORY);
}

static bool map(uint8_t *at, uint64_t size)
{
	struct vfio_iommu_type1_dma_map ask = {
		.argsz = sizeof(ask), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)at, .iova = IOVA, .size = size,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &ask) == 0;
}

static bool unmap(uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap ask = { .argsz = sizeof(ask), .iova = IOVA, .size = size };

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &ask) == 0 && ask.size == size;
}

/* Where a piece lies within its block: all over it. */
static uint64_t place(int piece)
{
	return piece * 37UL * EDU_PIECE;
}

static bool copies(uint8_t *at, int from, int to)
{
	bool same = true;

	for (int i = 0; i < PIECES; i++) {
		read_by_device(IOVA + from * BLOCK + place(i));
		write_by_device(IOVA + to * BLOCK + place(i));
		same = same && !memcmp(at + from * BLOCK + place(i), at + to * BLOCK + place(i), EDU_PIECE);
	}
	return same;
}

/* Does the block hold copies of the first one's pieces? */
static bool is_copy(const uint8_t *at, int block)
{
	for (int i = 0; i < PIECES; i++)
		for (uint64_t offset = place(i); offset < place(i) + EDU_PIECE; offset += 8)
			if (*(const volatile uint64_t *)(at + block * BLOCK + offset) != stamp(1, offset))
				return false;
	return true;
}

static void first_kernel(uint8_t *at)
{
	fill(at, 1, 0, BLOCK, 8);
	CHECK("dma-mapped", map(at, FILE_SIZE));
	CHECK("dma-copied", copies(at, 0, 1));
	CHECK("dma-content", is_copy(at, 1));
	CHECK("dma-nowhere-else", is_zero(at, BLOCK + EDU_PIECE, BLOCK + place(1)) &&
	      is_zero(at, 2 * BLOCK, 3 * BLOCK));
}

static void next_kernel(uint8_t *at)
{
	CHECK("dma-kept", is_copy(at, 1));
	CHECK("dma-mapped-again", map(at, FILE_SIZE));
	/* What the device wrote under the last kernel, it reads under this one. */
	CHECK("dma-copied-on", copies(at, 1, 2));
	CHECK("dma-content-on", is_copy(at, 2));
}

/* What is unmapped is out of its reach: the IOMMU is really in between. */
static void limits(uint8_t *at)
{
	read_by_device(IOVA + 2 * BLOCK + EDU_PIECE);	/* zeros */
	write_by_device(IOVA);
	CHECK("dma-reaches", is_zero(at, 0, EDU_PIECE));
	fill(at, 1, 0, EDU_PIECE, 8);
	CHECK("dma-unmapped", unmap(FILE_SIZE));
	write_by_device(IOVA);
	CHECK("dma-kept-out", is_filled(at, 1, 0, EDU_PIECE, 8));
}

int main(int argc, char **argv)
{
	bool verify = argc == 3 && !strcmp(argv[1], "verify");
	uint8_t *at;
	int fd;

	if (argc != 3 || (!verify && strcmp(argv[1], "write")) || chdir(argv[2])) {
		fprintf(stderr, "usage: dma write|verify DIR\n");
		return 2;
	}
	fd = verify ? open("dma", O_RDWR) : make_file("dma", FILE_SIZE);
	NEED(fd >= 0);
	at = map_file(fd, FILE_SIZE, 0);
	open_device();
	if (verify)
		next_kernel(at);
	else
		first_kernel(at);
	limits(at);
	return failures != 0;
}
