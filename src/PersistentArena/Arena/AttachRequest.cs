using GuestMemFs.Format;
using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>Whether an arena is to be made, or to be there.</summary>
internal enum AttachMode
{
    Create,
    Open,
    OpenOrCreate,
}

/// <summary>What was asked for.</summary>
internal sealed record AttachRequest(ArenaOptions Options, AttachMode Mode)
{
    /// <summary>True for the one writer.</summary>
    public bool IsWriter => Options.Access == ArenaAccess.ReadWrite;

    /// <summary>True where the medium is disposed of with the arena.</summary>
    public bool OwnsMedium => Options.Medium is null || Options.OwnsMedium;

    /// <summary>The same, as a reader.</summary>
    public AttachRequest ForReading() => this with { Options = Options.ForReading() };

    /// <summary>Refuses options that cannot be.</summary>
    public void Check()
    {
        if (Options.MetadataSize is < MetadataLayout.MinimumSize or > MetadataLayout.MaximumSize)
        {
            throw Impossible(
                Options,
                Options.MetadataSize,
                $"MetadataSize is between {MetadataLayout.MinimumSize} and {MetadataLayout.MaximumSize} bytes.");
        }

        if (Options.WaitForWriter < TimeSpan.Zero)
        {
            throw Impossible(Options, Options.WaitForWriter, "WaitForWriter is zero, which does not wait, or longer.");
        }

        if (!Options.CrashLoop.IsPossible)
        {
            throw Impossible(
                Options,
                Options.CrashLoop,
                "CrashLoop has a limit of at least 2, a time above zero, and an action that there is.");
        }

        if (Mode == AttachMode.Create && !IsWriter)
        {
            throw new ArenaReadOnlyException(Options.Directory ?? Options.Name, "creating an arena");
        }
    }

    /// <summary>The medium that was given, the directory's, or the best there is.</summary>
    public Medium ResolveMedium()
    {
        try
        {
            bool makesDirectory = IsWriter && Mode != AttachMode.Open;
            return Options.Medium
                ?? (Options.Directory is { } directory
                    ? Medium.ForDirectory(directory, makesDirectory, Options.Trust)
                    : Medium.Default(Options.Name, Options.SizeHint));
        }
        catch (MediumException e)
        {
            bool isMissing = Mode == AttachMode.Open && e.Kind == MediumErrorKind.Missing;
            throw isMissing && Options.Directory is { } missing && !Directory.Exists(missing)
                ? new ArenaNotFoundException(missing, "there is no such directory")
                : new ArenaMediumException(Options.Directory ?? Options.Name, e);
        }
    }

    private static ArgumentOutOfRangeException Impossible(ArenaOptions options, object value, string text) =>
        new(nameof(options), value, text);
}
