using System.Globalization;
using GuestMemFs.Holding.Kernel;
using GuestMemFs.Holding.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding;

/// <summary>
/// All memory of one arena, as descriptors, told apart by the identity in its bytes: it does not matter who holds it or
/// what it is called there.
/// </summary>
/// <remarks>Disposing closes the descriptors, not those of whoever they were got from.</remarks>
public sealed class ArenaMemory : IDisposable
{
    private ArenaMemory(ArenaContents contents, IReadOnlyDictionary<ulong, SafeFileHandle> files)
    {
        Contents = contents;
        Files = files;
    }

    /// <summary>What the arena consists of, by its metadata.</summary>
    public ArenaContents Contents { get; }

    /// <summary>The descriptors by extent id; the metadata's is 0.</summary>
    public IReadOnlyDictionary<ulong, SafeFileHandle> Files { get; }

    /// <summary>Bytes in all.</summary>
    public long Bytes => Contents.Files.Sum(file => file.Length);

    /// <summary>Bytes of it that have memory: the rest are holes.</summary>
    public long AllocatedBytes => Files.Values.Sum(MemoryFacts.Held);

    /// <summary>Those of its files whose pages are of the hugetlb pool, which the kernel does not hand over.</summary>
    public IReadOnlyList<ArenaFileIdentity> HugePoolFiles =>
        [.. Contents.Files.Where(file => MemoryFacts.IsHugePool(Files[file.ExtentId]))];

    /// <summary>The arena that is in these descriptors. Others among them are closed.</summary>
    /// <param name="descriptors">The descriptors, which are the result's from now on, or closed.</param>
    /// <param name="where">Where they come from, for people.</param>
    /// <param name="arenaId">Which arena; null where it is the only one.</param>
    /// <exception cref="HoldingException">There is none, there are several, or some of its memory is
    /// missing.</exception>
    public static ArenaMemory Of(IEnumerable<SafeFileHandle> descriptors, string where, Guid? arenaId = null)
    {
        ArgumentNullException.ThrowIfNull(descriptors);
        var found = new Dictionary<(Guid Arena, ulong Extent), SafeFileHandle>();
        try
        {
            foreach (SafeFileHandle descriptor in descriptors)
            {
                if (ArenaDescriptors.Identify(descriptor) is not { } identity
                    || !found.TryAdd((identity.ArenaId, identity.ExtentId), descriptor))
                {
                    descriptor.Dispose(); // Nothing of ours, or the same memory once more.
                }
            }

            Guid[] arenas = [.. found.Keys.Where(key => key.Extent == 0 && (arenaId is null || key.Arena == arenaId))
                .Select(key => key.Arena)];
            Guid arena = arenas.Length switch
            {
                1 => arenas[0],
                0 => throw new HoldingException(
                    $"There is no arena's memory at {where}{(arenaId is { } id ? $" of arena {id}" : "")}: " +
                    "what holds " +
                    "it, holds no metadata of one."),
                _ => throw new HoldingException(
                    $"There are several arenas at {where} ({string.Join(", ", arenas)}): name one."),
            };
            ArenaContents contents = ArenaDescriptors.Read(found[(arena, 0)]);
            ArenaFileIdentity[] missing = [.. contents.Files.Where(file => !found.ContainsKey((arena, file.ExtentId)))];
            if (missing.Length > 0)
            {
                string named = string.Join(", ", missing.Take(5).Select(file => file.Name));
                throw new HoldingException(string.Create(CultureInfo.InvariantCulture,
                    $"Arena {arena} at {where} is not whole: {missing.Length} of its {contents.Files.Count} memfds " +
                    $"are not there ({named}, {missing.Sum(file => file.Length)} bytes)."));
            }

            var files = contents.Files.ToDictionary(file => file.ExtentId, file => Take(found, (arena, file.ExtentId)));
            return new ArenaMemory(contents, files);
        }
        finally
        {
            foreach (SafeFileHandle rest in found.Values)
            {
                rest.Dispose();
            }
        }
    }

    /// <summary>
    /// The arena whose memory a process has open, whoever it is: its descriptors are opened anew through
    /// <c>/proc/PID/fd</c>, which takes its user or root.
    /// </summary>
    /// <exception cref="HoldingException">As <see cref="Of"/>; or the process cannot be looked into.</exception>
    public static ArenaMemory OfProcess(int process, Guid? arenaId = null)
    {
        try
        {
            return Of([.. OpenFiles.Of(process).Where(file =>
                file.Target.StartsWith("/memfd:", StringComparison.Ordinal)).Select(file => Open(file.Path))
                .OfType<SafeFileHandle>()], $"process {process}", arenaId);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HoldingException($"The memory of process {process} cannot be looked for: {e.Message}", e);
        }
    }

    /// <summary>The arena that a holder has.</summary>
    /// <exception cref="HoldingException">As <see cref="Of"/>.</exception>
    /// <exception cref="MediumException">The holder is not there.</exception>
    public static ArenaMemory OfHolder(DescriptorHolder holder)
    {
        ArgumentNullException.ThrowIfNull(holder);
        return Of(holder.Take().Select(file => file.Descriptor), holder.Location);
    }

    /// <summary>A medium of it: with descriptors of its own, so that it and this object end by themselves.</summary>
    public Medium ToMedium(string name) =>
        Medium.FromDescriptors(name, Contents.Files.Select(file =>
            new HeldDescriptor(file.Name, DescriptorMessages.Duplicate(Files[file.ExtentId]))));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafeFileHandle file in Files.Values)
        {
            file.Dispose();
        }
    }

    private static SafeFileHandle Take(
        Dictionary<(Guid Arena, ulong Extent), SafeFileHandle> found, (Guid Arena, ulong Extent) key)
    {
        found.Remove(key, out SafeFileHandle? file);
        return file!;
    }

    private static SafeFileHandle? Open(string path)
    {
        int result = LuoLibc.Open(path, LuoLibc.O_RDWR | LuoLibc.O_CLOEXEC);
        return result >= 0 ? new SafeFileHandle(result, ownsHandle: true) : null; // Closed meanwhile.
    }
}
