// SPDX-License-Identifier: GPL-2.0
/*
 * The ranges of physical memory given to the module, and what
 * /sys/fs/guestmemfs/RANGE says of them.
 */
#include <linux/ctype.h>
#include <linux/io.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/numa.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "guestmemfs.h"

#define GMFS_MAX_RANGES		32
#define GMFS_RANGE_NAME_MAX	31

static char *ranges[GMFS_MAX_RANGES];
static int nr_ranges;
module_param_array(ranges, charp, &nr_ranges, 0444);
MODULE_PARM_DESC(ranges, "Reserved memory: NAME:SIZE@BASE[:NODE],... in multiples of 2M");

static struct gmfs_range *claimed[GMFS_MAX_RANGES];
static struct kobject *root;

#define FEATURES \
	"sizes-exact\ntruncate-grow\ntruncate-shrink\nfallocate\npunch-hole\n" \
	"directories\nrename\nrename-noreplace\nrename-exchange\nunlink-frees\n" \
	"scrubbed\nattributes-kept\nmmap-offset\nfsync\nfree-space-true\n" \
	"page-2m\npage-1g\ncrash-safe\nshared-superblock"

static struct gmfs_range *of_kobj(struct kobject *kobj)
{
	return container_of(kobj, struct gmfs_range, kobj);
}

#define RANGE_ATTR_MODE(attr, mode, format, value)			\
static ssize_t attr##_show(struct kobject *kobj, struct kobj_attribute *a, char *buf) \
{									\
	struct gmfs_range *r = of_kobj(kobj);				\
									\
	return sysfs_emit(buf, format "\n", value);			\
}									\
static struct kobj_attribute attr##_attr = __ATTR_RO_MODE(attr, mode)

#define RANGE_ATTR(attr, format, value)	RANGE_ATTR_MODE(attr, 0444, format, value)

/* The same for every range, so that one file answers for one mount. */
#define CONST_ATTR(attr, format, value)					\
static ssize_t attr##_show(struct kobject *kobj, struct kobj_attribute *a, char *buf) \
{									\
	return sysfs_emit(buf, format "\n", value);			\
}									\
static struct kobj_attribute attr##_attr = __ATTR_RO(attr)

static u64 faults_of(struct gmfs_range *r, enum gmfs_fault_size size)
{
	return atomic64_read(&r->faults[size]);
}

RANGE_ATTR_MODE(base, 0400, "%#llx", (u64)r->base);
RANGE_ATTR(size, "%llu", r->size);
RANGE_ATTR(node, "%d", r->node);
RANGE_ATTR(mounted, "%d", READ_ONCE(r->sb) ? 1 : 0);
CONST_ATTR(block_size, "%lu", GMFS_BLOCK_SIZE);
RANGE_ATTR(blocks, "%u", r->nr_blocks);
RANGE_ATTR(blocks_meta, "%u", r->meta_blocks);
RANGE_ATTR(blocks_free, "%u", READ_ONCE(r->nr_free));
RANGE_ATTR(blocks_dirty, "%u", READ_ONCE(r->nr_dirty));
RANGE_ATTR(blocks_bad, "%u", READ_ONCE(r->nr_bad));
RANGE_ATTR(inodes_free, "%u", READ_ONCE(r->nr_slots_free));
RANGE_ATTR(faults_4k, "%llu", faults_of(r, GMFS_FAULT_4K));
RANGE_ATTR(faults_2m, "%llu", faults_of(r, GMFS_FAULT_2M));
RANGE_ATTR(faults_1g, "%llu", faults_of(r, GMFS_FAULT_1G));
CONST_ATTR(format_version, "%u", GMFS_VERSION);
RANGE_ATTR(uuid, "%pUb", r->super.uuid);
RANGE_ATTR(generation, "%llu", le64_to_cpu(r->super.generation));
CONST_ATTR(features, "%s", FEATURES);

static ssize_t retire_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	u64 addr;
	int err = kstrtou64(buf, 0, &addr);

	if (!err)
		err = gmfs_retire(of_kobj(kobj), addr);
	return err ?: count;
}

static struct kobj_attribute retire_attr = __ATTR_WO(retire);

static struct attribute *range_attrs[] = {
	&base_attr.attr,
	&size_attr.attr,
	&node_attr.attr,
	&mounted_attr.attr,
	&block_size_attr.attr,
	&blocks_attr.attr,
	&blocks_meta_attr.attr,
	&blocks_free_attr.attr,
	&blocks_dirty_attr.attr,
	&blocks_bad_attr.attr,
	&inodes_free_attr.attr,
	&faults_4k_attr.attr,
	&faults_2m_attr.attr,
	&faults_1g_attr.attr,
	&format_version_attr.attr,
	&uuid_attr.attr,
	&generation_attr.attr,
	&features_attr.attr,
	&retire_attr.attr,
	NULL
};
ATTRIBUTE_GROUPS(range);

static void range_release(struct kobject *kobj)
{
	struct gmfs_range *r = of_kobj(kobj);

	if (r->mem)
		memunmap(r->mem);
	if (r->res)
		release_mem_region(r->base, r->size);
	kfree(r->name);
	kfree(r);
}

static const struct kobj_type range_type = {
	.release	= range_release,
	.sysfs_ops	= &kobj_sysfs_ops,
	.default_groups	= range_groups,
};

/* NAME:SIZE@BASE[:NODE] */
static int parse(struct gmfs_range *r, const char *text)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? colon - text : 0;
	char *at, *end;
	size_t i;

	if (!len || len > GMFS_RANGE_NAME_MAX)
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (!isalnum(text[i]) && text[i] != '-' && text[i] != '_')
			return -EINVAL;
	r->name = kstrndup(text, len, GFP_KERNEL);
	if (!r->name)
		return -ENOMEM;

	r->size = memparse(colon + 1, &at);
	if (*at != '@')
		return -EINVAL;
	r->base = memparse(at + 1, &end);
	r->node = NUMA_NO_NODE;
	if (*end == ':')
		return kstrtoint(end + 1, 10, &r->node);
	return *end ? -EINVAL : 0;
}

static bool wholly(const struct gmfs_range *r, unsigned long desc)
{
	return region_intersects(r->base, r->size, IORESOURCE_MEM, desc) == REGION_INTERSECTS;
}

/* Memory that is nobody's: not System RAM, and set aside as a whole. */
static int check_place(struct gmfs_range *r)
{
	if (!r->size || r->base + r->size < r->base ||
	    !IS_ALIGNED(r->base | r->size, GMFS_BLOCK_SIZE) ||
	    r->size < 2 * GMFS_BLOCK_SIZE ||
	    r->size >> GMFS_BLOCK_SHIFT > GMFS_MAX_FILE_BLOCKS) {
		pr_err("range %s: %llu bytes at %pa: both must be multiples of 2 MiB, the size from 4 MiB to 32 TiB\n",
		       r->name, r->size, &r->base);
		return -EINVAL;
	}
	if (region_intersects(r->base, r->size, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pr_err("range %s: %llu bytes at %pa overlap System RAM; reserve them with memmap=%lluM$%#llx on the kernel command line\n",
		       r->name, r->size, &r->base, r->size >> 20, (u64)r->base);
		return -EBUSY;
	}
	if (IS_ENABLED(CONFIG_X86) && !wholly(r, IORES_DESC_RESERVED) &&
	    !wholly(r, IORES_DESC_SOFT_RESERVED)) {
		pr_err("range %s: %llu bytes at %pa are not reserved memory throughout; see /proc/iomem\n",
		       r->name, r->size, &r->base);
		return -ENXIO;
	}
	if (r->node == NUMA_NO_NODE)
		r->node = phys_to_target_node(r->base);
	if (r->node != NUMA_NO_NODE && (r->node < 0 || r->node >= MAX_NUMNODES)) {
		pr_err("range %s: there is no NUMA node %d\n", r->name, r->node);
		return -EINVAL;
	}
	return 0;
}

/*
 * MEMREMAP_WB is what makes mappings of the range write-back: without it the
 * PAT takes unregistered reserved memory as uncached. The price is this one
 * alias in vmalloc space, which metadata and scrubbing use.
 */
static int claim(struct gmfs_range *r)
{
	r->res = request_mem_region_exclusive(r->base, r->size, KBUILD_MODNAME);
	if (!r->res) {
		pr_err("range %s: %llu bytes at %pa are in use by another driver or range, or reserved only in part; see /proc/iomem\n",
		       r->name, r->size, &r->base);
		return -EBUSY;
	}
	r->mem = memremap(r->base, r->size, MEMREMAP_WB);
	if (!r->mem) {
		pr_err("range %s: cannot be mapped write-back\n", r->name);
		return -ENOMEM;
	}
	r->nr_blocks = r->size >> GMFS_BLOCK_SHIFT;
	return 0;
}

static int add(const char *text, unsigned int place)
{
	struct gmfs_range *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err;

	if (!r)
		return -ENOMEM;
	kobject_init(&r->kobj, &range_type);
	mutex_init(&r->lock);
	INIT_WORK(&r->scrub, gmfs_scrub_work);

	err = parse(r, text);
	if (err)
		pr_err("ranges: \"%s\" is not NAME:SIZE@BASE[:NODE]\n", text);
	if (!err && gmfs_range_find(r->name)) {
		pr_err("ranges: two are named %s\n", r->name);
		err = -EEXIST;
	}
	if (!err)
		err = check_place(r);
	if (!err)
		err = claim(r);
	if (!err)
		err = kobject_add(&r->kobj, root, "%s", r->name);
	if (err) {
		kobject_put(&r->kobj);
		return err;
	}
	claimed[place] = r;
	pr_info("range %s: %llu MiB at %pa, node %d\n", r->name, r->size >> 20, &r->base, r->node);
	return 0;
}

/* Without a name: the only one there is. */
struct gmfs_range *gmfs_range_find(const char *name)
{
	unsigned int i;

	if (!name)
		return nr_ranges == 1 ? claimed[0] : NULL;
	for (i = 0; i < GMFS_MAX_RANGES && claimed[i]; i++)
		if (!strcmp(claimed[i]->name, name))
			return claimed[i];
	return NULL;
}

/* Which range has that address? */
struct gmfs_range *gmfs_range_at(phys_addr_t addr)
{
	unsigned int i;

	for (i = 0; i < GMFS_MAX_RANGES && claimed[i]; i++)
		if (addr >= claimed[i]->base && addr - claimed[i]->base < claimed[i]->size)
			return claimed[i];
	return NULL;
}

void gmfs_ranges_exit(void)
{
	int i;

	for (i = 0; i < GMFS_MAX_RANGES && claimed[i]; i++) {
		kobject_put(&claimed[i]->kobj);
		claimed[i] = NULL;
	}
	kobject_put(root);
}

int gmfs_ranges_init(void)
{
	int err = 0, i;

	if (!nr_ranges) {
		pr_err("no ranges=NAME:SIZE@BASE[:NODE] given\n");
		return -EINVAL;
	}
	root = kobject_create_and_add(KBUILD_MODNAME, fs_kobj);
	if (!root)
		return -ENOMEM;
	for (i = 0; !err && i < nr_ranges; i++)
		err = add(ranges[i], i);
	if (err)
		gmfs_ranges_exit();
	return err;
}
