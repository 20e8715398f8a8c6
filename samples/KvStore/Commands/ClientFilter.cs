using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>Which clients CLIENT LIST and CLIENT KILL mean. What is not asked for fits all.</summary>
internal sealed class ClientFilter
{
    private bool? _subscribers;
    private bool? _replicas;
    private bool _none;

    public HashSet<long> Ids { get; } = [];

    public string? Address { get; set; }

    public string? LocalAddress { get; set; }

    public string? User { get; set; }

    /// <summary>In seconds.</summary>
    public long LeastAge { get; set; }

    /// <summary>Reads a type of clients, or replies that there is none of that name.</summary>
    public bool TryType(in Call call, int index)
    {
        _none = call.Args.Is(index, "master"u8);
        _replicas = call.Args.Is(index, "replica"u8) || call.Args.Is(index, "slave"u8);
        bool isPubSub = call.Args.Is(index, "pubsub"u8);
        if (!_none && !_replicas.Value && !isPubSub && !call.Args.Is(index, "normal"u8))
        {
            call.Reply.Error($"ERR Unknown client type '{call.Args.Shown(index)}'");
            return false;
        }

        _subscribers = _replicas.Value ? null : isPubSub;
        return true;
    }

    public bool Fits(ClientSession session) =>
        !_none
        && (_replicas is null || _replicas == session.IsReplica)
        && (_subscribers is null || _subscribers == session.Subscriptions is not null)
        && (Ids.Count == 0 || Ids.Contains(session.Id))
        && (Address is null || Address == session.Address)
        && (LocalAddress is null || LocalAddress == session.LocalAddress)
        && (User is null || (session.Authenticated && User == session.User.Name))
        && (LeastAge == 0 || (Environment.TickCount64 - session.Created) / 1000 >= LeastAge);
}
