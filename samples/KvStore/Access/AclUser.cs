using System.Security.Cryptography;

namespace KvStore.Access;

/// <summary>Who a client may be, what proves it, and what he may do. Used under the engine's gate.</summary>
/// <param name="name">The user's name.</param>
/// <param name="allChannels">Whether a new selector, or one that was reset, allows all channels.</param>
internal sealed class AclUser(string name, bool allChannels = false)
{
    private List<byte[]> _passwords = [];

    public string Name { get; } = name;

    public bool Enabled { get; set; }

    /// <summary>True where any password is right.</summary>
    public bool NoPassword { get; set; }

    /// <summary>Redis's flag for RESTORE, which is not here: kept and shown.</summary>
    public string PayloadFlag { get; set; } = "";

    /// <summary>SHA-256 of each password.</summary>
    public IReadOnlyList<byte[]> Passwords => _passwords;

    /// <summary>The first is the user's own; the others stand in parentheses.</summary>
    public List<AclSelector> Selectors { get; private set; } = [new AclSelector { AllChannels = allChannels }];

    /// <summary>True where commands need not be looked at. The default user's way: one flag.</summary>
    public bool Unlimited { get; private set; }

    /// <summary>One to which rules are to be added.</summary>
    public AclSelector NewSelector() => new() { AllChannels = allChannels };

    public static byte[] Hash(ReadOnlySpan<byte> password) => SHA256.HashData(password);

    public void AddPassword(byte[] hash)
    {
        if (!_passwords.Exists(it => it.AsSpan().SequenceEqual(hash)))
        {
            _passwords.Add(hash);
        }

        NoPassword = false;
    }

    /// <summary>False where there is no such.</summary>
    public bool RemovePassword(byte[] hash) => _passwords.RemoveAll(it => it.AsSpan().SequenceEqual(hash)) > 0;

    public void ClearPasswords()
    {
        _passwords.Clear();
        NoPassword = false;
    }

    /// <summary>True where the password proves it. The time says nothing of the passwords there are.</summary>
    public bool Accepts(ReadOnlySpan<byte> password)
    {
        byte[] hash = Hash(password);
        bool found = false;
        foreach (byte[] one in _passwords)
        {
            found |= CryptographicOperations.FixedTimeEquals(hash, one);
        }

        return Enabled && (found || NoPassword);
    }

    /// <summary>Becomes what another one is: a change is made of a copy, and is there at once or not at all.</summary>
    public void TakeFrom(AclUser other)
    {
        Enabled = other.Enabled;
        NoPassword = other.NoPassword;
        PayloadFlag = other.PayloadFlag;
        _passwords = [.. other._passwords];
        Selectors = other.Selectors.ConvertAll(selector => selector.Clone());
        Unlimited = Selectors.Exists(selector => selector.AllowsEverything);
    }
}
