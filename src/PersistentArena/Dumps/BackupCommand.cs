using System.Globalization;

namespace GuestMemFs;

/// <summary>
/// Where copies go besides their files: a command that gets a copy on its standard input and keeps it, and one that
/// gives it back on its standard output. Neither is started by a shell.
/// </summary>
/// <remarks>
/// <para><c>{slot}</c> in the words of both is replaced by a number from 0 up: copies take turns, so that the one
/// before is whole while one is stored. Without it there is one copy, and the command sees to it that one which is cut
/// off does not take the place of a whole one.</para>
/// <para>What fetches ends with 0 and no bytes where there is no copy. Each copy is fetched after it was stored and
/// compared byte by byte.</para>
/// <para>Commands are the application's: no arena, dump or journal names one. A program that another user could have
/// written is not started.</para>
/// </remarks>
public sealed class BackupCommand
{
    private const string Slot = "{slot}";
    private readonly string[] _store;
    private readonly string[] _fetch;

    /// <summary>Names both commands: a program by its absolute path, then its arguments.</summary>
    /// <param name="store">Gets a copy on standard input.</param>
    /// <param name="fetch">Gives it on standard output.</param>
    /// <exception cref="ArgumentException">A program is not named by an absolute path, or one command has
    /// <c>{slot}</c> and the other has not.</exception>
    public BackupCommand(IReadOnlyList<string> store, IReadOnlyList<string> fetch)
    {
        _store = Checked(store, nameof(store));
        _fetch = Checked(fetch, nameof(fetch));
        HasSlots = Array.Exists(_store, HasSlot);
        if (HasSlots != Array.Exists(_fetch, HasSlot))
        {
            throw new ArgumentException($"One command has {Slot}, and the other has not.", nameof(fetch));
        }
    }

    /// <summary>How long one run of a command may take; an hour where nothing is said.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>True where copies take turns.</summary>
    internal bool HasSlots { get; }

    /// <summary>The slot that is stored to next; null where it is not known yet.</summary>
    internal int? NextSlot { get; set; }

    internal string FetchProgram => _fetch[0];

    internal IReadOnlyList<string> StoreWords(int slot) => Words(_store, slot);

    internal IReadOnlyList<string> FetchWords(int slot) => Words(_fetch, slot);

    private static bool HasSlot(string word) => word.Contains(Slot, StringComparison.Ordinal);

    private static string[] Words(string[] words, int slot) => [.. words.Select(word =>
        word.Replace(Slot, slot.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal))];

    private static string[] Checked(IReadOnlyList<string> words, string name)
    {
        ArgumentNullException.ThrowIfNull(words, name);
        string[] copy = [.. words];
        return copy is [var program, ..] && Path.IsPathFullyQualified(program) && !HasSlot(program)
            && Array.TrueForAll(copy, word => word is not null && !word.Contains('\0', StringComparison.Ordinal))
            ? copy
            : throw new ArgumentException("The first word of a command is the absolute path of a program.", name);
    }
}
