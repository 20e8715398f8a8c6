using GuestMemFs.Holding.Clients;

namespace GuestMemFs.Holding;

/// <summary>Holders by what people call them.</summary>
public static class Holders
{
    /// <summary>The name of systemd's store, where a socket's path could be given.</summary>
    public const string Systemd = "systemd";

    /// <summary>
    /// Longest name of an arena at a holder, in characters: short enough for a session's name and, with a file's, for
    /// systemd's.
    /// </summary>
    public const int LongestName = StoreName.Longest;

    /// <summary>The holder that is meant: <c>systemd</c>, or the path of the socket of <c>gmfs hold</c>.</summary>
    /// <param name="holder">Which.</param>
    /// <param name="store">The arena's name there.</param>
    /// <param name="trust">Whose holder may have the memory; root's and our own where nothing is said.</param>
    /// <exception cref="UntrustedOwnerException">It is another user's.</exception>
    /// <exception cref="MediumException">It is not there, or refuses.</exception>
    /// <exception cref="ArgumentException">The name cannot be.</exception>
    public static DescriptorHolder Open(string holder, string store, PathTrust? trust = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(holder);
        return holder == Systemd ? new SystemdHolder(store) : new DaemonHolder(holder, store, trust);
    }
}
