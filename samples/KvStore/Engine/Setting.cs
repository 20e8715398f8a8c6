namespace KvStore.Engine;

/// <summary>
/// One setting: on the command line <c>--name</c>, in the environment <c>KVSTORE_NAME</c>, in a file <c>name value</c>,
/// in CONFIG <c>name</c>.
/// </summary>
internal sealed class Setting(string name, string help, Func<ServerOptions, string> show,
    Func<ServerOptions, string, string?> apply, bool atRunTime = false)
{
    public string Name { get; } = name;

    public string Help { get; } = help;

    /// <summary>True where CONFIG SET may change it.</summary>
    public bool AtRunTime { get; } = atRunTime;

    /// <summary>True where only CONFIG GET with its very name shows it: it is for tests.</summary>
    public bool IsHidden { get; init; }

    /// <summary>The name of the environment's variable.</summary>
    public string Variable { get; } = "KVSTORE_" + name.ToUpperInvariant().Replace('-', '_');

    public string Show(ServerOptions options) => show(options);

    /// <summary>Null, or what is wrong with the value.</summary>
    public string? TryApply(ServerOptions options, string value) => apply(options, value);
}
