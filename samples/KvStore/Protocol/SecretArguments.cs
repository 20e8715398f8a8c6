namespace KvStore.Protocol;

/// <summary>Arguments that no log and no onlooker is shown: passwords, and rules that may have some.</summary>
internal static class SecretArguments
{
    /// <summary>What is shown in their place.</summary>
    public const string Shown = "(redacted)";

    public static bool IsSecret(Arguments args, int index)
    {
        if (index == 0)
        {
            return false;
        }

        if (args.Is(0, "auth"u8))
        {
            return true;
        }

        if (args.Is(0, "hello"u8))
        {
            return (index > 1 && args.Is(index - 1, "auth"u8)) || (index > 2 && args.Is(index - 2, "auth"u8));
        }

        if (args.Is(0, "config"u8))
        {
            return index > 2 && index % 2 == 1 && args.Is(1, "set"u8)
                && (args.Is(index - 1, "requirepass"u8) || args.Is(index - 1, "masterauth"u8));
        }

        return index > 1 && args.Is(0, "acl"u8)
            && (args.Is(1, "setuser"u8) || args.Is(1, "deluser"u8) || args.Is(1, "getuser"u8));
    }
}
