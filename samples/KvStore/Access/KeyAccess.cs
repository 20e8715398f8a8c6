namespace KvStore.Access;

/// <summary>What a command does with a key, and what a pattern allows. A command that does neither only looks whether
/// it is there.</summary>
[Flags]
internal enum KeyAccess
{
    Exists = 0,
    Read = 1,
    Write = 2,
    ReadWrite = Read | Write,
}

/// <summary>Keys that a selector allows.</summary>
/// <param name="Glob">The pattern's bytes.</param>
/// <param name="Access">For what.</param>
internal readonly record struct KeyPattern(byte[] Glob, KeyAccess Access);
