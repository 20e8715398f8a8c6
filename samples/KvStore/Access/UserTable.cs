namespace KvStore.Access;

/// <summary>The users there are. Used under the engine's gate.</summary>
internal sealed class UserTable
{
    public const string DefaultName = "default";

    private readonly SortedDictionary<string, AclUser> _users = new(StringComparer.Ordinal);

    public UserTable() => _users[DefaultName] = Default;

    /// <summary>Who a client is before it says who.</summary>
    public AclUser Default { get; } = new(DefaultName);

    /// <summary>True where nobody has to say a password.</summary>
    public bool IsOpen => Default is { NoPassword: true, Enabled: true };

    /// <summary>By name.</summary>
    public IReadOnlyCollection<AclUser> All => _users.Values;

    public AclLog Log { get; } = new();

    /// <summary>True where a client changed them since they were read.</summary>
    public bool AreChanged { get; set; }

    public AclUser? Find(string name) => _users.GetValueOrDefault(name);

    /// <summary>The user of this name becomes what that one is, and keeps its connections; made where there is
    /// none.</summary>
    public void Set(AclUser changed)
    {
        if (!_users.TryGetValue(changed.Name, out AclUser? user))
        {
            _users.Add(changed.Name, user = new AclUser(changed.Name));
        }

        user.TakeFrom(changed);
    }

    /// <summary>The user removed, or null where there was none of this name.</summary>
    public AclUser? Remove(string name) => _users.Remove(name, out AclUser? user) ? user : null;

    /// <summary>The user whose password that is, or null. Takes as long where there is no such user.</summary>
    public AclUser? Authenticate(string name, ReadOnlySpan<byte> password)
    {
        AclUser? user = Find(name);
        bool good = (user ?? Default).Accepts(password);
        return good ? user : null;
    }
}
