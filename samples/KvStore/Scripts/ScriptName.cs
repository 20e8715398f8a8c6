using System.Security.Cryptography;

namespace KvStore.Scripts;

/// <summary>A script is named by its text.</summary>
internal static class ScriptName
{
    public static string Of(ReadOnlySpan<byte> script) => 
        Convert.ToHexStringLower(CryptographicOperations.HashData(HashAlgorithmName.SHA1, script));
}
