// SPDX-License-Identifier: GPL-2.0
/*
 * The superblock: found, judged, made.
 *
 * Memory is formatted without being asked only if its metadata area is all
 * zero. What holds anything else is refused and left as it is: a damaged
 * superblock, somebody else's bytes, a newer version, another size (a wrong
 * memmap=). "-o format" discards the first two, "-o format=force" all.
 */
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uuid.h>

#include "guestmemfs.h"

static struct gmfs_super *copy_of(struct gmfs_range *r, unsigned int copy)
{
	return r->mem + copy * GMFS_SB_STEP;
}

static u64 seal_of(const struct gmfs_super *s)
{
	return GMFS_SEAL | gmfs_crc32c(~0, s, offsetof(struct gmfs_super, seal));
}

static bool has_magic(const struct gmfs_super *s)
{
	return !memcmp(s->magic, GMFS_SB_MAGIC, sizeof(s->magic));
}

static bool is_sealed(const struct gmfs_super *s)
{
	return has_magic(s) && le64_to_cpu(s->seal) == seal_of(s);
}

/* The one store: the seal. Until then the other copy is the true one. */
static void write_copy(struct gmfs_range *r, unsigned int copy, const struct gmfs_super *s)
{
	struct gmfs_super *to = copy_of(r, copy);

	gmfs_publish(&to->seal, 0);
	memcpy(to, s, offsetof(struct gmfs_super, seal));
	gmfs_publish(&to->seal, seal_of(s));
}

/* Metadata for @blocks blocks: an inode slot for every two, 2000 at least. */
static void set_geometry(struct gmfs_super *s, u64 blocks)
{
	u64 slots_off = ALIGN(GMFS_TABLE_OFF + blocks * sizeof(__le64), GMFS_HEADER_ALIGN);
	u64 slots = clamp_t(u64, blocks / 2, 2000, GMFS_MAX_SLOTS);
	u64 meta = gmfs_blocks_of(slots_off + slots * sizeof(struct gmfs_slot));

	/* What is left of the last metadata block becomes slots too. */
	slots = ((meta << GMFS_BLOCK_SHIFT) - slots_off) / sizeof(struct gmfs_slot);

	s->block_bytes = cpu_to_le32(GMFS_BLOCK_SIZE);
	s->nr_blocks = cpu_to_le32(blocks);
	s->meta_blocks = cpu_to_le32(meta);
	s->nr_slots = cpu_to_le32(min_t(u64, slots, GMFS_MAX_SLOTS));
	s->slots_off = cpu_to_le64(slots_off);
}

static void use_super(struct gmfs_range *r, const struct gmfs_super *s)
{
	r->super = *s;
	r->crc_seed = gmfs_crc32c(~0, s->uuid, sizeof(s->uuid));
	r->meta_blocks = le32_to_cpu(s->meta_blocks);
	r->nr_slots = le32_to_cpu(s->nr_slots);
	r->commit = r->mem + GMFS_COMMIT_OFF;
	r->records = r->mem + GMFS_RECORDS_OFF;
	r->table = r->mem + GMFS_TABLE_OFF;
	r->slots = r->mem + le64_to_cpu(s->slots_off);
}

static void make_root(struct gmfs_range *r, u64 now)
{
	struct gmfs_slot *root = &r->slots[GMFS_ROOT_INO];

	root->ino = cpu_to_le32(GMFS_ROOT_INO);
	root->parent = cpu_to_le32(GMFS_ROOT_INO);
	root->generation = cpu_to_le32(1);
	root->mode = cpu_to_le16(S_IFDIR | 0755);
	root->atime_ns = cpu_to_le64(now);
	root->mtime_ns = cpu_to_le64(now);
	root->ctime_ns = cpu_to_le64(now);
	root->btime_ns = cpu_to_le64(now);
	root->crc = cpu_to_le32(gmfs_slot_crc(r, root));
}

/* The one store is the seal of the first copy: before it, not a filesystem. */
void gmfs_super_make(struct gmfs_range *r)
{
	struct gmfs_super s = {};
	u64 now = ktime_get_real_ns();
	unsigned int copy;
	u32 block;

	for (copy = 0; copy < GMFS_SB_COPIES; copy++)
		gmfs_publish(&copy_of(r, copy)->seal, 0);

	memcpy(s.magic, GMFS_SB_MAGIC, sizeof(s.magic));
	s.version = cpu_to_le32(GMFS_VERSION);
	s.bytes = cpu_to_le32(sizeof(s));
	generate_random_uuid(s.uuid);
	s.generation = cpu_to_le64(1);
	s.range_bytes = cpu_to_le64(r->size);
	s.formatted_ns = cpu_to_le64(now);
	set_geometry(&s, r->nr_blocks);
	use_super(r, &s);

	memset(r->mem, 0, (u64)r->meta_blocks << GMFS_BLOCK_SHIFT);
	for (block = 0; block < r->nr_blocks; block++) {
		u64 state = block < r->meta_blocks ? GMFS_BLOCK_META : GMFS_BLOCK_FRESH;

		state = FIELD_PREP(GMFS_ENTRY_STATE, state);
		r->table[block] = cpu_to_le64(gmfs_entry(r->crc_seed, block, state));
	}
	make_root(r, now);
	write_copy(r, 0, &s);
	write_copy(r, 1, &s);
	pr_info("range %s: new filesystem %pUb, %u blocks, %u of them metadata, %u inodes\n",
		r->name, s.uuid, r->nr_blocks, r->meta_blocks, r->nr_slots - 2);
}

/* A superblock that is whole: can this module, on this range, use it? */
static int judge(const struct gmfs_range *r, const struct gmfs_super *s)
{
	struct gmfs_super want = {};
	u64 bytes = le64_to_cpu(s->range_bytes);

	if (le32_to_cpu(s->version) != GMFS_VERSION) {
		pr_err("range %s: holds format version %u, this module knows version %u; use the module that made it\n",
		       r->name, le32_to_cpu(s->version), GMFS_VERSION);
		return -EOPNOTSUPP;
	}
	if (s->incompat || s->ro_compat) {
		pr_err("range %s: uses features this module does not know (incompat %#llx, ro_compat %#llx); use a newer module\n",
		       r->name, le64_to_cpu(s->incompat), le64_to_cpu(s->ro_compat));
		return -EOPNOTSUPP;
	}
	if (bytes != r->size) {
		pr_err("range %s: was formatted with %llu bytes, is given with %llu; mend memmap= and ranges=\n",
		       r->name, bytes, r->size);
		return -ERANGE;
	}
	set_geometry(&want, r->nr_blocks);
	if (s->block_bytes != want.block_bytes || s->nr_blocks != want.nr_blocks ||
	    s->meta_blocks != want.meta_blocks || s->nr_slots != want.nr_slots ||
	    s->slots_off != want.slots_off) {
		pr_err("range %s: the superblock's geometry is not that of %llu bytes\n",
		       r->name, bytes);
		return -EUCLEAN;
	}
	return 0;
}

/* Where in the range another filesystem begins, 0 for nowhere: the range was given with its wrong base. */
static u64 other_inside(struct gmfs_range *r, u32 from)
{
	u32 block;

	for (block = from; block < r->nr_blocks; block++)
		if (is_sealed(gmfs_block_mem(r, block)))
			return (u64)block << GMFS_BLOCK_SHIFT;
	return 0;
}

/* No copy is whole. Say why, if it is not simply new memory. */
static int judge_unsealed(struct gmfs_range *r)
{
	u64 meta_bytes, other;
	struct gmfs_super geometry = {};
	unsigned int copy;

	for (copy = 0; copy < GMFS_SB_COPIES; copy++) {
		const struct gmfs_super *s = copy_of(r, copy);

		if (has_magic(s)) {
			pr_err("range %s: both superblocks are damaged; left as it is, mount with -o format to discard everything in the range\n",
			       r->name);
			return -EUCLEAN;
		}
	}
	set_geometry(&geometry, r->nr_blocks);
	meta_bytes = (u64)le32_to_cpu(geometry.meta_blocks) << GMFS_BLOCK_SHIFT;
	if (memchr_inv(r->mem, 0, meta_bytes)) {
		pr_err("range %s: holds something that is not guestmemfs; left as it is, mount with -o format to discard everything in the range\n",
		       r->name);
		return -EUCLEAN;
	}
	other = other_inside(r, le32_to_cpu(geometry.meta_blocks));
	if (other) {
		pr_err("range %s: another filesystem begins %llu bytes into it; mend memmap= and ranges=, or mount with -o format to discard everything in the range\n",
		       r->name, other);
		return -EUCLEAN;
	}
	return 0;
}

static const struct gmfs_super *newest_copy(struct gmfs_range *r)
{
	const struct gmfs_super *best = NULL;
	unsigned int copy, whole = 0;

	for (copy = 0; copy < GMFS_SB_COPIES; copy++) {
		const struct gmfs_super *s = copy_of(r, copy);

		if (!is_sealed(s))
			continue;
		whole++;
		if (!best || le64_to_cpu(s->generation) > le64_to_cpu(best->generation))
			best = s;
	}
	if (whole == 1)
		pr_warn("range %s: one of two superblocks was damaged or half written; using the other\n",
			r->name);
	return best;
}

/*
 * gmfs_super_open - find the filesystem in a range, or make one
 *
 * Return: 0; -EUCLEAN damaged or foreign; -EOPNOTSUPP newer; -ERANGE of
 * another size. After an error nothing in the range was changed.
 */
int gmfs_super_open(struct gmfs_range *r, const struct gmfs_mount_opts *opts)
{
	const struct gmfs_super *found = newest_copy(r);
	int err;

	if (opts->format_force) {
		gmfs_super_make(r);
		return 0;
	}
	if (!found) {
		err = opts->format ? 0 : judge_unsealed(r);
		if (!err)
			gmfs_super_make(r);
		return err;
	}
	err = judge(r, found);
	if (err)
		return err;
	use_super(r, found);
	return 0;
}

/* This mount is recorded in the older copy; a damaged one is the older one. */
void gmfs_super_mounted(struct gmfs_range *r)
{
	struct gmfs_super *s = &r->super;
	const struct gmfs_super *first = copy_of(r, 0);
	bool first_is_current = is_sealed(first) && first->generation == s->generation;

	s->generation = cpu_to_le64(le64_to_cpu(s->generation) + 1);
	s->mounted_ns = cpu_to_le64(ktime_get_real_ns());
	write_copy(r, first_is_current ? 1 : 0, s);
}
