namespace KvStore.Server;

/// <summary>Without a password, a server that listens to other machines answers its own only.</summary>
internal static class ProtectedMode
{
    /// <summary>Redis's text, letter for letter: clients show it.</summary>
    public static ReadOnlySpan<byte> Refusal =>
        "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set "u8
        + "for the default user. In this mode connections are only accepted from the loopback interface. If "u8
        + "you want to connect from external computers to Redis you may adopt one of the following solutions: "u8
        + "1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback "u8
        + "interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis "u8
        + "is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change "u8
        + "permanent. 2) Alternatively you can just disable the protected mode by editing the Redis "u8
        + "configuration file, and setting the protected mode option to 'no', and then restarting the server. "u8
        + "3) If you started the server manually just for testing, restart it with the '--protected-mode no' "u8
        + "option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one "u8
        + "of the above things in order for the server to start accepting connections from the outside.\r\n"u8;
}
