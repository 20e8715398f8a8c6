// SPDX-License-Identifier: GPL-2.0
/*
 * iommufd DIR: the same device through iommufd, which pins struct pages where
 * VFIO's own containers also look into VM_PFNMAP mappings. A guestmemfs file has
 * none: it is refused, and ordinary memory is not.
 */
#define _GNU_SOURCE
#include "edu.h"

/* Of linux/iommufd.h and linux/vfio.h, which older headers lack. */
struct ioas_alloc { uint32_t size, flags, id; };
struct ioas_map { uint32_t size, flags, ioas, reserved; uint64_t address, length, iova; };
struct bind_iommufd { uint32_t argsz, flags; int32_t iommufd; uint32_t device; };
struct attach_ioas { uint32_t argsz, flags, ioas; };

#define IOAS_ALLOC	_IO(';', 0x81)
#define IOAS_MAP	_IO(';', 0x85)
#define MAP_IOVA	1
#define MAP_WRITE	2
#define MAP_READ	4
#define BIND_IOMMUFD	_IO(VFIO_TYPE, VFIO_BASE + 18)
#define ATTACH_IOAS	_IO(VFIO_TYPE, VFIO_BASE + 19)

static int open_character_device(const char *name)
{
	char path[512];
	struct dirent *entry;
	DIR *folder;

	hand_over(name);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", name);
	folder = opendir(path);
	NEED(folder);
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			break;
	NEED(entry);
	snprintf(path, sizeof(path), "/dev/vfio/devices/%.32s", entry->d_name);
	closedir(folder);
	return open(path, O_RDWR);
}

static bool map(int iommufd, uint32_t ioas, void *at, uint64_t size, uint64_t iova)
{
	struct ioas_map ask = {
		.size = sizeof(ask), .flags = MAP_IOVA | MAP_WRITE | MAP_READ, .ioas = ioas,
		.address = (uintptr_t)at, .length = size, .iova = iova,
	};

	return ioctl(iommufd, IOAS_MAP, &ask) == 0;
}

int main(int argc, char **argv)
{
	struct ioas_alloc ioas = { .size = sizeof(ioas) };
	struct bind_iommufd bind = { .argsz = sizeof(bind) };
	struct attach_ioas attach = { .argsz = sizeof(attach) };
	uint8_t *file, *ordinary;
	char name[256];
	int device, fd;

	if (argc != 2 || chdir(argv[1])) {
		fprintf(stderr, "usage: iommufd DIR\n");
		return 2;
	}
	bind.iommufd = open("/dev/iommu", O_RDWR);
	if (bind.iommufd < 0 && errno == ENOENT) {
		printf("ok iommufd # skipped: not in this kernel\n");
		return 0;
	}
	NEED(bind.iommufd >= 0);
	find_device(name, sizeof(name));
	device = open_character_device(name);
	NEED(device >= 0 && ioctl(device, BIND_IOMMUFD, &bind) == 0);
	NEED(ioctl(bind.iommufd, IOAS_ALLOC, &ioas) == 0);
	attach.ioas = ioas.id;
	NEED(ioctl(device, ATTACH_IOAS, &attach) == 0);

	fd = make_file("iommufd", BLOCK);
	file = map_file(fd, BLOCK, 0);
	ordinary = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(ordinary != MAP_FAILED);
	CHECK("iommufd-ordinary", map(bind.iommufd, ioas.id, ordinary, BLOCK, 16 * MIB));
	CHECK("iommufd-refused", !map(bind.iommufd, ioas.id, file, BLOCK, 32 * MIB) && errno == EFAULT);
	munmap(file, BLOCK);
	close(fd);
	NEED(unlink("iommufd") == 0);
	return failures != 0;
}
