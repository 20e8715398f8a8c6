using GuestMemFs.Native;

namespace GuestMemFs;

/// <summary>Who may read an arena besides its owner and root. Nobody else ever writes it.</summary>
public sealed class ArenaSharing
{
    private ArenaSharing(uint? group) => Group = group;

    /// <summary>Nobody: the directory is made with mode 0700, files have mode 0600.</summary>
    public static ArenaSharing None { get; } = new(null);

    /// <summary>The group's number; null for none.</summary>
    internal uint? Group { get; }

    /// <summary>
    /// The members of a group, who open it with <see cref="ArenaAccess.ReadOnly"/> and name its owner in
    /// <see cref="ArenaOptions.Trust"/>: they see every key and value. The directory gets mode 0750, its files 0640.
    /// </summary>
    /// <param name="group">Its name or number. The writer has to be a member, or root.</param>
    /// <exception cref="ArgumentException">There is no such group.</exception>
    public static ArenaSharing ReadableBy(string group)
    {
        ArgumentException.ThrowIfNullOrEmpty(group);
        return new(UserAccount.FindGroup(group)
            ?? throw new ArgumentException($"There is no group '{group}'.", nameof(group)));
    }
}
