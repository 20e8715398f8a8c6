namespace KvStore.Engine;

/// <summary>Which changes of keys are published: Redis's letters of <c>notify-keyspace-events</c>.</summary>
[Flags]
internal enum KeyEvents
{
    Nothing = 0,
    Keyspace = 1,
    Keyevent = 1 << 1,
    Generic = 1 << 2,
    String = 1 << 3,
    List = 1 << 4,
    Set = 1 << 5,
    Hash = 1 << 6,
    SortedSet = 1 << 7,
    Expired = 1 << 8,
    Evicted = 1 << 9,
    Stream = 1 << 10,
    Module = 1 << 11,
    Missed = 1 << 12,

    /// <summary>The letter A: all but misses.</summary>
    All = Generic | String | List | Set | Hash | SortedSet | Expired | Evicted | Stream | Module,
}

/// <summary>Letters, and what they stand for.</summary>
internal static class KeyEventLetters
{
    private const string Letters = "KEg$lshzxetdm";

    /// <summary>Reads letters; false where one is none.</summary>
    public static bool TryParse(string text, out KeyEvents events)
    {
        events = KeyEvents.Nothing;
        foreach (char letter in text)
        {
            int index = Letters.IndexOf(letter, StringComparison.Ordinal);
            if (letter == 'A')
            {
                events |= KeyEvents.All;
            }
            else if (index < 0)
            {
                return false;
            }
            else
            {
                events |= (KeyEvents)(1 << index);
            }
        }

        return true;
    }

    /// <summary>As Redis shows them.</summary>
    public static string Show(KeyEvents events)
    {
        bool all = (events & KeyEvents.All) == KeyEvents.All;
        string text = all ? "A" : "";
        foreach (char letter in "g$lshzxetdKEm")
        {
            var one = (KeyEvents)(1 << Letters.IndexOf(letter, StringComparison.Ordinal));
            text += (events & one) != 0 && !(all && (one & KeyEvents.All) != 0) ? letter : "";
        }

        return text;
    }
}
