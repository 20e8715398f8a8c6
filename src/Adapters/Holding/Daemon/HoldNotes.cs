using System.Globalization;
using GuestMemFs.Holding.Clients;

namespace GuestMemFs.Holding.Daemon;

/// <summary>
/// What is said to those who find a store empty. Each client of the holder can leave notes, and a note holds no
/// descriptor that would limit them: so their number and length are limited here.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class HoldNotes
{
    /// <summary>Most notes at a time.</summary>
    public const int Most = 256;

    /// <summary>Longest note, in characters.</summary>
    public const int Longest = 2000;

    private readonly Dictionary<string, string> _notes = new(StringComparer.Ordinal);

    /// <summary>All of them, by store.</summary>
    public IEnumerable<KeyValuePair<string, string>> All => _notes;

    /// <summary>A store's; empty where it has none.</summary>
    public string Of(string store) => _notes.GetValueOrDefault(store, "");

    /// <summary>Leaves one, in the place of the store's last; an empty one takes that back.</summary>
    /// <exception cref="MediumException">
    /// <see cref="MediumErrorKind.NoSpace"/>: it is too long, or one too many.
    /// </exception>
    public void Set(string store, string text)
    {
        StoreName.Check(store);
        if (text.Length == 0)
        {
            Remove(store);
        }
        else if (text.Length > Longest)
        {
            throw Refused(store, $"a note has at most {Longest} characters, and this has {text.Length}: shorten it");
        }
        else if (_notes.Count >= Most && !_notes.ContainsKey(store))
        {
            throw Refused(
                store,
                $"it keeps at most {Most} notes, and has as many: fill a store that has one, or take one back");
        }
        else
        {
            _notes[store] = text;
        }
    }

    /// <summary>Forgets a store's.</summary>
    public void Remove(string store) => _notes.Remove(store);

    private static MediumException Refused(string store, FormattableString why)
    {
        string text = why.ToString(CultureInfo.InvariantCulture);
        return new(MediumErrorKind.NoSpace, "note", store, 0, $"The note on '{store}' was not kept: {text}.");
    }
}
