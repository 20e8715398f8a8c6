using GuestMemFs.LiveUpdate.Luo;

namespace GuestMemFs.LiveUpdate.Holding;

/// <summary>Holders by what people call them.</summary>
public static class Holders
{
    /// <summary>The name of systemd's store, where a socket's path could be given.</summary>
    public const string Systemd = "systemd";

    /// <summary>Longest name of an arena at a holder, in characters: short enough for a session's name and, with a file's, for systemd's.</summary>
    public const int LongestName = 48;

    /// <summary>The holder that is meant: <c>systemd</c>, or the path of the socket of <c>gmfs hold</c>.</summary>
    /// <param name="holder">Which.</param>
    /// <param name="store">The arena's name there.</param>
    /// <exception cref="MediumException">It is not there, or refuses.</exception>
    /// <exception cref="ArgumentException">The name cannot be.</exception>
    public static DescriptorHolder Open(string holder, string store)
    {
        ArgumentException.ThrowIfNullOrEmpty(holder);
        return holder == Systemd ? new SystemdHolder(store) : new DaemonHolder(holder, store);
    }

    /// <summary>What memory survives that another process holds: that of the owner's process, and a kexec where the kernel can hand memfds over and is asked to in time.</summary>
    internal static Survives Survive { get; } = Survives.ProcessExit | (LuoSupport.Ask().IsAvailable ? Survives.Kexec : Survives.Nothing);
}

/// <summary>Names of arenas at a holder.</summary>
internal static class StoreName
{
    public static void Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > Holders.LongestName || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') || name[0] == '.')
        {
            throw new ArgumentException($"'{name}' cannot be an arena's name at a holder: 1 to {Holders.LongestName} letters, digits, '-', '_' and '.', not beginning with '.'.", nameof(name));
        }
    }
}
