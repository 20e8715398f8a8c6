using static KvStore.Engine.SettingForms;

namespace KvStore.Engine;

/// <summary>Settings of users and of the log of refusals.</summary>
internal static class AclSettings
{
    public static IReadOnlyList<Setting> All { get; } =
    [
        Number(
            "acllog-max-len", "most entries of the log of refusals (ACL LOG)", new(0, 1 << 20),
            o => o.AclLogLength, (o, v) => o.AclLogLength = (int)v, atRunTime: true),
        new(
            "acl-pubsub-default", "the channels of a user who is made: allchannels or resetchannels (none)",
            o => o.AllChannels ? "allchannels" : "resetchannels", SetChannels, atRunTime: true),
    ];

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
