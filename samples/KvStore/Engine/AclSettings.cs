using System.Globalization;

namespace KvStore.Engine;

/// <summary>Settings of users and of the log of refusals.</summary>
internal static class AclSettings
{
    private const int MostEntries = 1 << 20;

    public static IReadOnlyList<Setting> All { get; } =
    [
        new(
            "acllog-max-len", "most entries of the log of refusals (ACL LOG)",
            o => o.AclLogLength.ToString(CultureInfo.InvariantCulture), SetLogLength, atRunTime: true),
        new(
            "acl-pubsub-default", "the channels of a user who is made: allchannels or resetchannels (none)",
            o => o.AllChannels ? "allchannels" : "resetchannels", SetChannels, atRunTime: true),
    ];

    private static string? SetLogLength(ServerOptions options, string value)
    {
        if (!int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
        {
            return "argument couldn't be parsed into an integer";
        }

        if (number is < 0 or > MostEntries)
        {
            return $"argument must be between 0 and {MostEntries} inclusive";
        }

        options.AclLogLength = number;
        return null;
    }

    private static string? SetChannels(ServerOptions options, string value)
    {
        bool all = value.Equals("allchannels", StringComparison.OrdinalIgnoreCase);
        if (!all && !value.Equals("resetchannels", StringComparison.OrdinalIgnoreCase))
        {
            return "argument(s) must be one of the following: allchannels, resetchannels";
        }

        options.AllChannels = all;
        return null;
    }
}
