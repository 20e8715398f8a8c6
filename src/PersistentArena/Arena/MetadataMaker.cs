using System.Security.Cryptography;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>Makes a new arena's metadata, or finishes making it.</summary>
internal sealed class MetadataMaker(AttachRequest request, Medium medium, AttachSteps steps, Patience patience)
{
    private readonly MediumCapabilities _capabilities = medium.Capabilities;

    /// <summary>Makes it; its lock is held then.</summary>
    /// <param name="unfinished">An interrupted creation's file; stays the caller's where this throws.</param>
    /// <exception cref="ArenaExistsException">Somebody else has made it meanwhile.</exception>
    public MetadataFile Make(MetadataFile? unfinished)
    {
        long granularity = Math.Max(_capabilities.FileGranularity, _capabilities.Alignment);
        MetadataFile metadata =
            unfinished ?? MakeFile(RegionSizes.RoundUp(request.Options.MetadataSize, granularity));
        try
        {
            WriterLock.Lock(metadata, medium.Location, patience);
            RequireNamed(metadata);
            RequireUnfinished(metadata, isNew: unfinished is null);
            if (unfinished is not null)
            {
                const string Text = "The arena's creation had been interrupted and was done again.";
                steps.Reasons.Add(new(ReasonCodes.CreationRepeated, Text));
            }

            byte[] seed = RandomNumberGenerator.GetBytes(16);
            metadata.Format(
                request.Options.ArenaId ?? Guid.NewGuid(),
                BitConverter.ToUInt64(seed),
                BitConverter.ToUInt64(seed, 8),
                granularity,
                request.Options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds());
            return metadata;
        }
        catch
        {
            if (unfinished is null)
            {
                metadata.Dispose();
            }

            throw;
        }
    }

    /// <summary>
    /// Another creator may have taken the file for an abandoned one, before it had a length, and removed it: an arena
    /// in it would be found by nobody.
    /// </summary>
    private void RequireNamed(MetadataFile metadata)
    {
        if (metadata.File.Links == 0)
        {
            throw new ArenaExistsException(medium.Location);
        }
    }

    /// <summary>
    /// Somebody else may have finished it between our look and our lock. (A file that was just made may hold an older
    /// life's arena without regions.)
    /// </summary>
    private void RequireUnfinished(MetadataFile metadata, bool isNew)
    {
        bool mayBeOlderLife = isNew && !_capabilities.FreshMemoryIsZero;
        if (!MetadataLocator.IsUnfinished(medium, metadata) && !(mayBeOlderLife && MetadataLocator.IsAlone(medium)))
        {
            throw new ArenaExistsException(medium.Location);
        }
    }

    private MetadataFile MakeFile(long length)
    {
        (long total, long? free) = medium.GetSpace();
        if ((free ?? total) < length)
        {
            throw ArenaOutOfSpaceException.OnMedium(medium.Location, length, free, total);
        }

        RemoveEmpty();
        MediumFile file;
        try
        {
            file = medium.CreateFile(ExtentFiles.MetadataName, length);
        }
        catch (MediumException e) when (e.Kind == MediumErrorKind.Exists)
        {
            throw new ArenaExistsException(medium.Location);
        }

        try
        {
            return MetadataFile.TryMap(file, _capabilities)
                ?? throw new InvalidOperationException(
                    $"A metadata file of {length} bytes was made and cannot be one: a bug.");
        }
        catch (MediumException)
        {
            file.Dispose();
            if (_capabilities.UnlinkFreesSpace)
            {
                medium.DeleteFile(ExtentFiles.MetadataName);
            }

            throw;
        }
    }

    /// <summary>
    /// Removes the file of a creator that was killed before its one ftruncate. One that lives may get its length or
    /// lose its name until the lock is ours; from then on it notices, by the name that is gone.
    /// </summary>
    private void RemoveEmpty()
    {
        using MediumFile? empty = medium.TryOpenFile(ExtentFiles.MetadataName, writable: true);
        if (empty is { Length: 0 } && empty.TryLock() && empty is { Length: 0, Links: > 0 })
        {
            medium.DeleteFile(ExtentFiles.MetadataName);
        }
    }
}
