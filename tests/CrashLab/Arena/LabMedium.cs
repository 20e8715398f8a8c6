using GuestMemFs.Media;
using GuestMemFs.Native;

namespace GuestMemFs.CrashLab;

/// <summary>A medium over a <see cref="LabWorld"/>, as one process sees it.</summary>
internal sealed class LabMedium(LabWorld world) : Medium
{
    /// <summary>Small, so that regions soon have several extents: 4 MiB of data and an identity.</summary>
    public const long MaximumFileLength = 6L << 20;

    private static readonly MediumCapabilities s_kind = new()
    {
        Survives = Survives.ProcessExit | Survives.Kexec | Survives.PowerLoss,
        PageSize = PageSizes.Small,
        FileGranularity = LabWorld.BlockSize,
        MaximumFileLength = MaximumFileLength,
        CreationTakesSpace = true,
        CanDiscard = false,
        CanFlush = true,
    };

    private static readonly MediumCapabilities s_strict =
        GuestMemFsMedium.Stated with { MaximumFileLength = MaximumFileLength };

    public override string Name => "lab";

    public override string Location => "lab:";

    public override MediumCapabilities Capabilities => world.Kind == WorldKind.Kind ? s_kind : s_strict;

    public override MediumSpace GetSpace() => new(world.Capacity,
        world.Kind == WorldKind.Kind ? world.Capacity - world.Files.Sum(file => file.Length) : null);

    public override IReadOnlyList<string> ListFiles() => [.. world.Files.Select(file => file.Name)];

    public override MediumFile? TryOpenFile(string name, bool writable) =>
        Find(name) is { } file ? new File(world, file, writable) : null;

    public override MediumFile CreateFile(string name, long length)
    {
        FileRules.CheckName(name);
        FileRules.CheckLength(Capabilities, length);
        if (Find(name) is not null)
        {
            throw Errno.Exception(Errno.EEXIST, "create", name);
        }

        if (world.CreationsUntilFull >= 0 && world.CreationsUntilFull-- == 0)
        {
            throw new MediumException(MediumErrorKind.NoSpace, "create", name, Errno.ENOSPC,
                "The lab says that it is full.");
        }

        LabFile file = world.NewFile(name, length);
        world.Do(new CreateEvent(file));
        world.Do(new LengthEvent(file, length));
        return new File(world, file, writable: true);
    }

    public override void DeleteFile(string name)
    {
        LabFile file = Find(name) ?? throw Errno.Exception(Errno.ENOENT, "unlink", name);
        if (!CallFault.Drops("delete"))
        {
            world.Do(new DeleteEvent(file, world.Files.IndexOf(file)));
        }
    }

    public override void Flush(nint address, long length)
    {
        if (!CallFault.Drops("flush"))
        {
            world.Do(new FlushEvent());
        }
    }

    private LabFile? Find(string name) => world.Files.Find(file => file.Name == name);

    private sealed class File(LabWorld world, LabFile file, bool writable) : MediumFile
    {
        public override string Name => file.Name;

        public override long Length => file.Length;

        public override bool IsWritable => writable;

        public override void MapAt(nint address, long length, bool writableMapping)
        {
            if (length > file.Length || (writableMapping && !writable))
            {
                throw new LabException($"{length} bytes of '{file.Name}' were to be mapped, which has {file.Length}; " +
                    $"writable: {writable}");
            }

            world.MapFile(file, address, length, writableMapping);
        }

        public override void Reserve(long offset, long length)
        {
            if (offset < 0 || length < 0 || offset + length > file.Length)
            {
                throw new LabException(
                    $"{length} bytes at {offset} of '{file.Name}' were to be reserved, which has {file.Length}");
            }
        }

        public override bool TryLock()
        {
            file.Locked ??= this;
            return file.Locked == this;
        }

        public override bool TryDiscard(long offset, long length) => false;

        protected override void Dispose(bool disposing)
        {
            if (file.Locked == this && !CallFault.Drops("unlock"))
            {
                file.Locked = null;
            }

            base.Dispose(disposing);
        }
    }
}
