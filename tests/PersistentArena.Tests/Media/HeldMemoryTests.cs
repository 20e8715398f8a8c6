using GuestMemFs.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Tests.Media;

/// <summary>Arenas on memfds that somebody else holds.</summary>
public sealed class HeldMemoryTests
{
    private static readonly HolderDouble s_empty = new();

    [Fact]
    public void An_arena_is_there_again_while_its_holder_is()
    {
        using var holder = new HolderDouble();
        Guid id = Make(holder);
        Assert.Equal(["arena.meta", "extent-1", "extent-2"], holder.Names.Order(StringComparer.Ordinal));

        using PersistentArena again = PersistentArena.OpenOrCreate(
            new ArenaOptions { Medium = Medium.FromHolder(holder) });
        Assert.Equal((AttachKind.Warm, id), (again.AttachReport.Kind, again.Id));
        Assert.Equal("held by holder:test", again.AttachReport.MediumReason);
        using PersistentRegion region = again.OpenRegion("a");
        Assert.Equal(42, region.AsSpan(0, 1)[0]);
        again.OpenRegion("b").Dispose();
        again.DeleteRegion("b");
        Assert.Equal(["arena.meta", "extent-1"], holder.Names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Names_do_not_matter()
    {
        using var holder = new HolderDouble();
        Guid id = Make(holder);
        holder.Rename();

        using PersistentArena again = PersistentArena.Open(new ArenaOptions { Medium = Medium.FromHolder(holder) });
        Assert.Equal(id, again.Id);
        Assert.Contains(again.AttachReport.Reasons, reason => reason.Code == ReasonCodes.FilesRenamed);
        using PersistentRegion region = again.OpenRegion("a");
        Assert.Equal(42, region.AsSpan(0, 1)[0]);
    }

    [Fact]
    public void An_empty_holder_makes_a_fresh_arena_that_says_why()
    {
        using PersistentArena arena = PersistentArena.OpenOrCreate(
            new ArenaOptions { Medium = Medium.FromHolder(s_empty) });
        AttachReason reason = Assert.Single(arena.AttachReport.Reasons);
        Assert.Equal(ReasonCodes.Created, reason.Code);
        Assert.EndsWith("and one was made. The test's holder was made just now.", reason.Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_holder_does_not_take_is_not_there()
    {
        using var holder = new HolderDouble();
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = Medium.FromHolder(holder) });
        holder.Full = true;
        Assert.Throws<ArenaOutOfSpaceException>(() => arena.CreateRegion("a", 4 << 20));
        Assert.Equal(["arena.meta"], holder.Names);
        holder.Full = false;
        arena.CreateRegion("a", 4 << 20).Dispose();
        Assert.Equal(2, holder.Names.Count);
    }

    [Fact]
    public void A_held_file_cannot_be_cut_or_grown_by_others()
    {
        using var holder = new HolderDouble();
        Make(holder);
        foreach (HeldDescriptor held in holder.Take())
        {
            using SafeFileHandle file = held.Descriptor;
            long length = RandomAccess.GetLength(file);
            Assert.ThrowsAny<Exception>(() => RandomAccess.SetLength(file, length - 4096));
            Assert.ThrowsAny<Exception>(() => RandomAccess.SetLength(file, length + 4096));
            Assert.Equal(length, RandomAccess.GetLength(file));
        }
    }

    [Fact]
    public void Descriptors_tell_who_they_are_and_what_the_arena_consists_of()
    {
        using var holder = new HolderDouble();
        Guid id = Make(holder);
        IReadOnlyList<HeldDescriptor> files = holder.Take();
        try
        {
            ArenaFileIdentity?[] who = [.. files.Select(file => ArenaDescriptors.Identify(file.Descriptor))];
            Assert.All(who, identity => Assert.Equal(id, identity!.ArenaId));
            Assert.Equal(files.Select(file => file.Name), who.Select(identity => identity!.Name));

            ArenaContents contents = ArenaDescriptors.Read(
                files[Array.FindIndex(who, identity => identity!.IsMetadata)].Descriptor);
            Assert.Equal((id, true, false), (contents.ArenaId, contents.IsClosed, contents.IsFrozen));
            Assert.Equal(["a", "b"], contents.Regions);
            Assert.Equal(who.OrderBy(identity => identity!.ExtentId), contents.Files);
            Assert.Throws<ForeignFileException>(() => ArenaDescriptors.Read(Nothing()));
            Assert.Null(ArenaDescriptors.Identify(Nothing()));
            using var pipe = new System.IO.Pipes.AnonymousPipeServerStream();
            using var end = new SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
            Assert.Null(ArenaDescriptors.Identify(end));
        }
        finally
        {
            foreach (HeldDescriptor file in files)
            {
                file.Descriptor.Dispose();
            }
        }
    }

    [Fact]
    public void Descriptors_from_elsewhere_are_a_medium()
    {
        using var holder = new HolderDouble();
        Guid id = Make(holder);
        using PersistentArena arena = PersistentArena.Open(
            new ArenaOptions { Medium = Medium.FromDescriptors("kept", holder.Take()) });
        Assert.Equal(id, arena.Id);
        Assert.StartsWith($"/proc/{Environment.ProcessId}/fd/", arena.Medium.PathOf("arena.meta"),
            StringComparison.Ordinal);
        Assert.True(File.Exists(arena.Medium.PathOf("extent-1")));
        Assert.Null(arena.Medium.PathOf("extent-3"));
        IReadOnlyList<HeldDescriptor> twice = holder.Take();
        MediumException e = Assert.Throws<MediumException>(() => Medium.FromDescriptors("twice", [twice[0], twice[0]]));
        Assert.Equal(MediumErrorKind.Exists, e.Kind);
    }

    [Fact]
    public void A_long_arena_has_several_descriptors() =>
        Assert.Equal(16L << 30, Medium.FromHolder(s_empty).Capabilities.MaximumFileLength);

    private static SafeFileHandle Nothing() => File.OpenHandle("/dev/zero");

    private static Guid Make(HolderDouble holder)
    {
        using PersistentArena arena = PersistentArena.Create(new ArenaOptions { Medium = Medium.FromHolder(holder) });
        using PersistentRegion a = arena.CreateRegion("a", 4 << 20);
        a.AsSpan(0, 1)[0] = 42;
        arena.CreateRegion("b", 4 << 20).Dispose();
        return arena.Id;
    }
}
