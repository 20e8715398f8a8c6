// SPDX-License-Identifier: GPL-2.0
/*
 * guestmemfs - files in reserved physical memory that outlives the kernel
 *
 * mount -t guestmemfs -o range=NAME none /mnt
 *
 * A range has one superblock however often it is mounted.
 */
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "guestmemfs.h"

enum { OPT_RANGE, OPT_FORMAT, OPT_FORMAT_HOW, OPT_MODE, OPT_UID, OPT_GID };

static const struct fs_parameter_spec gmfs_params[] = {
	fsparam_string("range",		OPT_RANGE),
	fsparam_flag("format",		OPT_FORMAT),
	fsparam_string("format",	OPT_FORMAT_HOW),
	fsparam_u32oct("mode",		OPT_MODE),
	fsparam_uid("uid",		OPT_UID),
	fsparam_gid("gid",		OPT_GID),
	{}
};

static int gmfs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct gmfs_mount_opts *opts = fc->fs_private;
	struct fs_parse_result result;
	int opt = fs_parse(fc, gmfs_params, param, &result);

	if (opt < 0)
		return opt;
	switch (opt) {
	case OPT_RANGE:
		kfree(opts->range);
		opts->range = param->string;
		param->string = NULL;
		break;
	case OPT_FORMAT:
		opts->format = true;
		break;
	case OPT_FORMAT_HOW:
		if (strcmp(param->string, "force"))
			return invalf(fc, "format is given alone or as format=force");
		opts->format = true;
		opts->format_force = true;
		break;
	case OPT_MODE:
		opts->mode = result.uint_32 & 07777;
		opts->has_mode = true;
		break;
	case OPT_UID:
		opts->uid = result.uid;
		opts->has_uid = true;
		break;
	case OPT_GID:
		opts->gid = result.gid;
		opts->has_gid = true;
		break;
	}
	return 0;
}

static int gmfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct gmfs_range *r = dentry->d_sb->s_fs_info;

	buf->f_type = GMFS_MAGIC;
	buf->f_bsize = GMFS_BLOCK_SIZE;
	buf->f_frsize = GMFS_BLOCK_SIZE;
	buf->f_namelen = GMFS_NAME_MAX;
	mutex_lock(&r->lock);
	buf->f_blocks = r->nr_blocks - r->meta_blocks - r->nr_bad;
	buf->f_bfree = r->nr_free;
	buf->f_bavail = r->nr_free;
	buf->f_files = r->nr_slots - 1;
	buf->f_ffree = r->nr_slots_free;
	mutex_unlock(&r->lock);
	buf->f_fsid = uuid_to_fsid(r->super.uuid);
	return 0;
}

static int gmfs_show_options(struct seq_file *m, struct dentry *dentry)
{
	struct gmfs_range *r = dentry->d_sb->s_fs_info;

	seq_printf(m, ",range=%s", r->name);
	return 0;
}

/* After the last inode: nothing is written back, all is in the range. */
static void gmfs_put_super(struct super_block *sb)
{
	struct gmfs_range *r = sb->s_fs_info;

	WRITE_ONCE(r->sb, NULL);
	cancel_work_sync(&r->scrub);
	gmfs_unload(r);
}

static const struct super_operations gmfs_super_ops = {
	.statfs		= gmfs_statfs,
	.show_options	= gmfs_show_options,
	.evict_inode	= gmfs_evict,
	.put_super	= gmfs_put_super,
};

static int open_range(struct gmfs_range *r, const struct gmfs_mount_opts *opts)
{
	int err = gmfs_super_open(r, opts);

	if (!err)
		err = gmfs_load(r);
	if (err == -EUCLEAN && opts->format) {
		gmfs_unload(r);
		gmfs_super_make(r);
		err = gmfs_load(r);
	}
	if (err)
		gmfs_unload(r);
	return err;
}

/* mode=, uid= and gid= are the root directory's, kept from then on. */
static void set_root(struct inode *root, const struct gmfs_mount_opts *opts)
{
	struct gmfs_range *r = gmfs_range_of(root);

	if (opts->has_mode)
		root->i_mode = S_IFDIR | opts->mode;
	if (opts->has_uid)
		root->i_uid = opts->uid;
	if (opts->has_gid)
		root->i_gid = opts->gid;
	if (opts->has_mode || opts->has_uid || opts->has_gid) {
		gmfs_tx_begin(r);
		gmfs_slot_from_inode(gmfs_tx_slot(r, root->i_ino), root);
		gmfs_tx_commit(r);
	}
}

static int gmfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct gmfs_range *r = sb->s_fs_info;
	struct gmfs_mount_opts *opts = fc->fs_private;
	struct inode *root;
	int err = open_range(r, opts);

	if (err)
		return err;

	sb->s_magic = GMFS_MAGIC;
	sb->s_op = &gmfs_super_ops;
	sb->s_maxbytes = (loff_t)GMFS_MAX_FILE_BLOCKS << GMFS_BLOCK_SHIFT;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_time_gran = 1;
	sb->s_flags |= SB_NOATIME;
	super_set_uuid(sb, r->super.uuid, sizeof(r->super.uuid));

	root = gmfs_iget(sb, GMFS_ROOT_INO);
	if (IS_ERR(root)) {
		err = PTR_ERR(root);
		goto unload;
	}
	set_root(root, opts);
	sb->s_root = d_make_root(root);
	if (!sb->s_root) {
		err = -ENOMEM;
		goto unload;
	}
	gmfs_super_mounted(r);
	WRITE_ONCE(r->sb, sb);
	if (r->nr_dirty)
		schedule_work(&r->scrub);
	return 0;

unload:
	gmfs_unload(r);
	return err;
}

static int gmfs_get_tree(struct fs_context *fc)
{
	struct gmfs_mount_opts *opts = fc->fs_private;
	struct gmfs_range *r = gmfs_range_find(opts->range);

	if (!r) {
		if (opts->range)
			errorf(fc, "guestmemfs: the module was given no range named %s",
			       opts->range);
		else
			errorf(fc, "guestmemfs: of several ranges, say which: range=NAME");
		return opts->range ? -ENOENT : -EINVAL;
	}
	if (opts->format_force && READ_ONCE(r->sb)) {
		errorf(fc, "guestmemfs: range %s is mounted, and so not formatted", r->name);
		return -EBUSY;
	}
	return get_tree_keyed(fc, gmfs_fill_super, r);
}

static void gmfs_free_fc(struct fs_context *fc)
{
	struct gmfs_mount_opts *opts = fc->fs_private;

	if (opts)
		kfree(opts->range);
	kfree(opts);
}

static const struct fs_context_operations gmfs_context_ops = {
	.parse_param	= gmfs_parse_param,
	.get_tree	= gmfs_get_tree,
	.free		= gmfs_free_fc,
};

static int gmfs_init_fs_context(struct fs_context *fc)
{
	struct gmfs_mount_opts *opts = kzalloc(sizeof(*opts), GFP_KERNEL);

	if (!opts)
		return -ENOMEM;
	fc->fs_private = opts;
	fc->ops = &gmfs_context_ops;
	return 0;
}

static struct file_system_type gmfs_type = {
	.owner			= THIS_MODULE,
	.name			= "guestmemfs",
	.init_fs_context	= gmfs_init_fs_context,
	.parameters		= gmfs_params,
	.kill_sb		= kill_anon_super,
};

#ifdef GMFS_CRASH_TEST
static unsigned int crash_at;
module_param(crash_at, uint, 0644);

void gmfs_crash_point(void)
{
	if (crash_at && !--crash_at)
		emergency_restart();
}
#endif

static int __init gmfs_init(void)
{
	int err = gmfs_ranges_init();

	if (err)
		return err;
	err = register_filesystem(&gmfs_type);
	if (err)
		gmfs_ranges_exit();
	else
		gmfs_memerr_init();
	return err;
}

static void __exit gmfs_exit(void)
{
	gmfs_memerr_exit();
	unregister_filesystem(&gmfs_type);
	gmfs_ranges_exit();
}

module_init(gmfs_init);
module_exit(gmfs_exit);

MODULE_ALIAS_FS("guestmemfs");
MODULE_DESCRIPTION("Files in reserved physical memory, kept over kexec");
MODULE_LICENSE("GPL");
