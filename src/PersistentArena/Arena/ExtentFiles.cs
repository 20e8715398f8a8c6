using System.Globalization;
using System.Runtime.CompilerServices;
using GuestMemFs.Format;
using GuestMemFs.Journal;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>
/// The arena's files, found by the identity in their bytes: first under their own name, and where that does not fit, by
/// looking through all files once. Not thread-safe.
/// </summary>
internal sealed unsafe class ExtentFiles(Medium medium, Guid arenaId, long granularity, bool writable)
{
    public const string MetadataName = "arena.meta";
    private const string Prefix = "extent-";

    private Dictionary<(ulong Id, ulong Nonce), List<string>>? _byIdentity;

    /// <summary>True where files are mapped for writing.</summary>
    public bool AreWritable => writable;

    /// <summary>The name an extent's file is made under.</summary>
    public static string NameOf(ulong extentId) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{extentId:x}");

    /// <summary>The extent id that a name stands for.</summary>
    public static bool TryParseName(string name, out ulong extentId)
    {
        extentId = 0;
        ReadOnlySpan<char> digits = name.AsSpan(name.StartsWith(Prefix, StringComparison.Ordinal) ? Prefix.Length
            : name.Length);
        return digits.Length > 0 && digits[0] != '0' && !digits.ContainsAnyInRange('A', 'F')
            && ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out extentId);
    }

    /// <summary>Maps an extent's whole file at an address, after checking that it is that extent's.</summary>
    /// <returns>The file, still open: it can be reserved through.</returns>
    /// <exception cref="ExtentException">It is missing, truncated or there twice.</exception>
    public MediumFile Map(ExtentEntry extent, nint address, string regionName)
    {
        string name = NameOf(extent.Id);

        // Once all files have been looked at, what was seen then decides: the name alone would hide a duplicate.
        bool known = _byIdentity is not null
            && _byIdentity.TryGetValue((extent.Id, extent.Nonce), out List<string>? seen)
            && (seen.Count > 1 || seen[0] != name);
        if (!known && TryMap(name, extent, address) is { } file)
        {
            return file;
        }

        if (!known || !writable)
        {
            _byIdentity = Scan(); // A reader does not see what the writer makes: what it saw before says nothing.
        }

        if (_byIdentity!.TryGetValue((extent.Id, extent.Nonce), out List<string>? names))
        {
            if (names.Count > 1)
            {
                throw ExtentException.Duplicated(regionName, extent.Id, names[0], names[1]);
            }

            if (TryMap(names[0], extent, address) is { } found)
            {
                return found;
            }
        }

        using MediumFile? there = medium.TryOpenFile(name, writable: false);
        long foundLength = there?.Length ?? -1;

        throw foundLength >= 0 && foundLength < extent.FileLength
            ? ExtentException.Truncated(regionName, extent.Id, name, extent.FileLength, foundLength)
            : ExtentException.Missing(regionName, extent.Id, name, extent.FileLength, medium.Location,
                foundLength < 0 ? "there is no such file, and none with its identity under another name"
                    : "the file of that name holds something else, and none has its identity");
    }

    /// <summary>Who a file is, or null where it has no identity that checks. Maps it for a moment.</summary>
    public ExtentIdentity? Identify(MediumFile file) => Identify(file, out _);

    /// <summary>As above, and what its mark says.</summary>
    public ExtentIdentity? Identify(MediumFile file, out ExtentMark mark) =>
        Identify(file, granularity, medium.Capabilities.Alignment, out mark);

    /// <summary>The mark of an extent of no region; null where its file is not there.</summary>
    public ExtentMark? MarkOf(ExtentEntry extent)
    {
        if (Locate(extent) is not { } name || medium.TryOpenFile(name, writable: false) is not { } file)
        {
            return null;
        }

        using (file)
        {
            using AddressReservation view = View(file, extent.FileLength, writableView: false);
            return ExtentMark.Read((byte*)view.Address, extent.FileLength, extent.Nonce);
        }
    }

    /// <summary>Marks an extent's file as committed.</summary>
    public void Commit(ExtentEntry extent, MediumFile file)
    {
        using AddressReservation view = View(file, extent.FileLength, writableView: true);
        ExtentMark.Commit((byte*)view.Address, extent.FileLength, extent.Nonce);
    }

    /// <summary>Takes that mark from an extent's file, where it is there.</summary>
    public void Release(ExtentEntry extent)
    {
        if (Locate(extent) is { } name && medium.TryOpenFile(name, writable: true) is { } file)
        {
            using (file)
            {
                using AddressReservation view = View(file, extent.FileLength, writableView: true);
                ExtentMark.Release((byte*)view.Address, extent.FileLength);
            }
        }
    }

    /// <summary>True where a file without identity was never written to.</summary>
    public bool IsUntouched(MediumFile file)
    {
        long length = file.Length;
        if (!medium.Capabilities.FreshMemoryIsZero || length < granularity || length % granularity != 0)
        {
            return false;
        }

        if (file.IsWritable)
        {
            file.Reserve(0, Math.Min(length, PageSizes.Huge2M)); // A hole read on a full tmpfs is SIGBUS.
        }

        using AddressReservation view = View(file, length, writableView: false);
        return ExtentMark.IsUntouched((byte*)view.Address, length);
    }

    private AddressReservation View(MediumFile file, long length, bool writableView)
    {
        var view = new AddressReservation(length, Math.Max(granularity, medium.Capabilities.Alignment));
        try
        {
            file.MapAt(view.Address, length, writableView);
            return view;
        }
        catch
        {
            view.Dispose();
            throw;
        }
    }

    /// <summary>Who a file is, where the arena's granularity is not known yet.</summary>
    public static ExtentIdentity? Identify(MediumFile file, long granularity, long alignment) =>
        Identify(file, granularity, alignment, out _);

    /// <summary>As above, and what its mark says.</summary>
    public static ExtentIdentity? Identify(MediumFile file, long granularity, long alignment, out ExtentMark mark)
    {
        mark = default;
        long length = file.Length;
        if (length < granularity || length % granularity != 0)
        {
            return null;
        }

        if (file.IsWritable)
        {
            // A hole read on a full tmpfs is SIGBUS: give the block a page first, which an own file has already.
            file.Reserve(length - ExtentIdentity.BlockBytes, ExtentIdentity.BlockBytes);
        }

        using var view = new AddressReservation(length, Math.Max(granularity, alignment));
        file.MapAt(view.Address, length, writable: false);
        ExtentIdentity identity = ExtentIdentity.Read((byte*)view.Address, length);
        mark = ExtentMark.Read((byte*)view.Address, length, identity.Nonce);
        return identity.IsIntact && identity.FileLength == length ? identity : null;
    }

    /// <summary>The files of this arena by what they say they are. Files of others are passed over.</summary>
    public Dictionary<(ulong Id, ulong Nonce), List<string>> Scan()
    {
        var found = new Dictionary<(ulong, ulong), List<string>>();
        foreach (string name in medium.ListFiles())
        {
            using MediumFile? file = medium.TryOpenFile(name, writable);
            if (file is null || Identify(file) is not { } identity || identity.ArenaId != arenaId)
            {
                continue;
            }

            if (!found.TryGetValue((identity.ExtentId, identity.Nonce), out List<string>? names))
            {
                found.Add((identity.ExtentId, identity.Nonce), names = new List<string>(1));
            }

            names.Add(name);
        }

        return found;
    }

    /// <summary>Creates a file for a new extent under the first free id.</summary>
    public MediumFile Create(ref ulong nextId, long length, out ulong id)
    {
        while (true)
        {
            id = nextId++;
            try
            {
                return medium.CreateFile(NameOf(id), length);
            }
            catch (MediumException e) when (e.Kind == MediumErrorKind.Exists)
            {
                // Left behind by a creation that was killed, or somebody else's; the sweep at the next recovery looks
                // at it. Ids are not scarce.
            }
        }
    }

    /// <summary>The name that an extent's file has now, or null where it is not there.</summary>
    public string? Locate(ExtentEntry extent)
    {
        string name = NameOf(extent.Id);
        if (_byIdentity is null)
        {
            using MediumFile? file = medium.TryOpenFile(name, writable);
            if (file is not null && Identify(file) is { } identity && identity.ArenaId == arenaId
                && identity.ExtentId == extent.Id && identity.Nonce == extent.Nonce)
            {
                return name;
            }
        }

        _byIdentity ??= Scan();
        return _byIdentity.TryGetValue((extent.Id, extent.Nonce), out List<string>? names) && names.Count == 1
            ? names[0] : null;
    }

    /// <summary>The name it was last seen under, without a look.</summary>
    public string ProbableName(ExtentEntry extent) =>
        _byIdentity?.GetValueOrDefault((extent.Id, extent.Nonce)) is { Count: > 0 } names
            ? names[0]
            : NameOf(extent.Id);

    /// <summary>Says that a file came or went, so that what was seen once is looked at again.</summary>
    public void Created(ulong id, ulong nonce, string name) => _byIdentity?.Add((id, nonce), [name]);

    /// <summary>Says that a file is gone.</summary>
    public void Deleted(ulong id, ulong nonce) => _byIdentity?.Remove((id, nonce));

    private MediumFile? TryMap(string name, ExtentEntry extent, nint address)
    {
        MediumFile? file = medium.TryOpenFile(name, writable);
        if (file is null)
        {
            return null;
        }

        try
        {
            if (file.Length == extent.FileLength)
            {
                file.MapAt(address, extent.FileLength, writable);
                ExtentIdentity identity = ExtentIdentity.Read((byte*)address, extent.FileLength);
                if (identity.IsIntact && identity.ArenaId == arenaId && identity.ExtentId == extent.Id
                    && identity.Nonce == extent.Nonce)
                {
                    MediumFile result = file;
                    file = null;
                    return result;
                }
            }

            return null;
        }
        finally
        {
            file?.Dispose();
        }
    }
}
