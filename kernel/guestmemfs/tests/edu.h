/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU's edu, a PCI device that copies between memory and a buffer of its own (docs/specs/edu). */
#ifndef EDU_H
#define EDU_H

#include <dirent.h>
#include <sys/ioctl.h>
#include <linux/vfio.h>

#include "check.h"

#define EDU_ID		"0x11e8"
#define EDU_VENDOR	"0x1234"
#define EDU_SOURCE	0x80
#define EDU_TARGET	0x88
#define EDU_COUNT	0x90
#define EDU_COMMAND	0x98
#define EDU_RUN		1ULL
#define EDU_TO_MEMORY	2ULL
#define EDU_BUFFER	0x40000
#define EDU_PIECE	2048	/* half of its buffer: QEMU 7.2 refuses to fill it to the last byte */

static inline void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	NEED(fd >= 0);
	NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static inline bool says(const char *device_name, const char *attribute, const char *value)
{
	char path[512], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device_name, attribute);
	fd = open(path, O_RDONLY);
	NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return !strncmp(text, value, strlen(value));
}

/* The device's address on the bus, as it is named in sysfs. */
static inline void find_device(char *name, size_t size)
{
	DIR *devices = opendir("/sys/bus/pci/devices");
	struct dirent *entry;

	NEED(devices);
	while ((entry = readdir(devices)))
		if (entry->d_name[0] != '.' && says(entry->d_name, "vendor", EDU_VENDOR) &&
		    says(entry->d_name, "device", EDU_ID))
			break;
	NEED(entry);
	snprintf(name, size, "%s", entry->d_name);
	closedir(devices);
}

/* Gives it to vfio-pci; says which group it is in. */
static inline int hand_over(const char *name)
{
	char path[512], link[512];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", name);
	put(path, "vfio-pci");
	put("/sys/bus/pci/drivers_probe", name);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", name);
	len = readlink(path, link, sizeof(link) - 1);
	NEED(len > 0);
	link[len] = 0;
	return atoi(strrchr(link, '/') + 1);
}

#endif
