using KvStore.Protocol;

namespace KvStore.Access;

/// <summary>A rule for commands: <c>+get</c>, <c>-@write</c>, <c>+config|get</c>.</summary>
/// <param name="Allows">Plus, or minus.</param>
/// <param name="Name">What stands behind it, lower case.</param>
internal readonly record struct CommandRule(bool Allows, string Name);

/// <summary>Commands, keys and channels that go together: a command runs where one selector of its user allows all of
/// it.</summary>
/// <remarks>Commands are bits by their number; rules are what the bits were made of, in order.</remarks>
internal sealed class AclSelector
{
    private ulong[] _allowed = [];

    /// <summary>True where all commands are allowed that no rule takes away.</summary>
    public bool AllByDefault { get; set; }

    public List<CommandRule> Rules { get; private set; } = [];

    /// <summary>Commands that are allowed with these first arguments only, by their name.</summary>
    public SortedDictionary<string, List<string>> FirstArguments { get; private set; } = new(StringComparer.Ordinal);

    public bool AllKeys { get; set; }

    /// <summary>Patterns of keys in their order, under what they say.</summary>
    public OrderedDictionary<string, KeyPattern> Keys { get; private set; } = new(StringComparer.Ordinal);

    public bool AllChannels { get; set; }

    /// <summary>Patterns of channels in their order, and their bytes.</summary>
    public OrderedDictionary<string, byte[]> Channels { get; private set; } = new(StringComparer.Ordinal);

    /// <summary>True where nothing has to be asked.</summary>
    public bool AllowsEverything => AllByDefault && Rules.Count == 0 && AllKeys && AllChannels;

    public AclSelector Clone() => new()
    {
        _allowed = [.. _allowed],
        AllByDefault = AllByDefault,
        Rules = [.. Rules],
        FirstArguments = new(
            FirstArguments.ToDictionary(it => it.Key, it => it.Value.ToList()), StringComparer.Ordinal),
        AllKeys = AllKeys,
        Keys = new(Keys, StringComparer.Ordinal),
        AllChannels = AllChannels,
        Channels = new(Channels, StringComparer.Ordinal),
    };

    /// <summary>Takes the bits that the rules mean.</summary>
    public void SetAllowed(ulong[] bits) => _allowed = bits;

    public bool AllowsCommand(int number) => (_allowed[number / 64] & (1UL << (number % 64))) != 0;

    public bool AllowsFirstArgument(string command, Arguments args) =>
        args.Count > 1 && FirstArguments.TryGetValue(command, out List<string>? allowed)
        && allowed.Contains(args.Text(1), StringComparer.OrdinalIgnoreCase);

    /// <param name="channel">A channel's name, or a pattern of them.</param>
    /// <param name="isPattern">A pattern is allowed where it stands in the rules just so.</param>
    public bool AllowsChannel(ReadOnlySpan<byte> channel, bool isPattern)
    {
        foreach (byte[] pattern in Channels.Values)
        {
            if (isPattern ? channel.SequenceEqual(pattern) : Glob.IsMatch(pattern, channel))
            {
                return true;
            }
        }

        return AllChannels;
    }

    public bool AllowsKey(ReadOnlySpan<byte> key, KeyAccess access)
    {
        if (AllKeys)
        {
            return true;
        }

        foreach (KeyPattern pattern in Keys.Values)
        {
            if ((pattern.Access & access) == access && Glob.IsMatch(pattern.Glob, key))
            {
                return true;
            }
        }

        return false;
    }
}
