using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>Puts a value, under conditions.</summary>
/// <remarks>
/// A large old value cannot be taken back once it is replied, so that waits until the new one has found its room:
/// <see cref="Write"/> comes after that.
/// </remarks>
internal ref struct SetMutation(ReadOnlySpan<byte> value) : IRecordMutation
{
    private readonly ReadOnlySpan<byte> _value = value;
    private bool _replied;
    private Keyspace? _keyspace;

    public long ExpiresAt { get; init; }

    public bool KeepExpiry { get; init; }

    public bool IfAbsent { get; init; }

    public bool IfPresent { get; init; }

    /// <summary>Where the old value is to be replied, or null.</summary>
    public RespWriter? OldValue { get; init; }

    public bool Found { get; private set; }

    public bool Done { get; private set; }

    /// <summary>The number of a large collection that is in the way and may not be dropped yet; 0 for none.</summary>
    public long Collection { get; private set; }

    /// <summary>True where a large collection may go: it is noted that it does.</summary>
    public bool MayDrop { get; set; }

    /// <summary>Puts a value in place of whatever a key has.</summary>
    public static void Run(in Call call, ReadOnlySpan<byte> key, ref SetMutation mutation)
    {
        mutation._keyspace = call.Engine.Keyspace;
        call.Keys.Mutate(key, ref mutation);
        if (mutation.Collection != 0)
        {
            call.Engine.Keyspace.OpenNested().BeforeDrop(mutation.Collection);
            mutation.MayDrop = true;
            call.Keys.Mutate(key, ref mutation);
        }
    }

    public RecordChange Decide(in RecordView current)
    {
        Found = current.Exists;
        bool wrong = OldValue is not null && StringValue.IsWrong(current);
        if (wrong || (IfAbsent && current.Exists) || (IfPresent && !current.Exists))
        {
            ReplyOld(current);
            return RecordChange.None;
        }

        if (current.Type > RecordType.String && !MayDrop
            && NestedCollections.TryGetReference(current, out long id))
        {
            Collection = id;
            return RecordChange.None;
        }

        Done = true;
        return RecordChange.Put(_value.Length, KeepExpiry && current.Exists ? current.ExpiresAt : ExpiresAt);
    }

    public void Write(in RecordView current, Span<byte> value)
    {
        _value.CopyTo(value);
        ReplyOld(current);
    }

    private void ReplyOld(in RecordView current)
    {
        // The dictionary may try again after it has found more room.
        if (OldValue is null || _replied)
        {
            return;
        }

        _replied = true;
        if (StringValue.IsWrong(current))
        {
            OldValue.Error(Errors.WrongType);
        }
        else if (current.Exists)
        {
            StringValue.Reply(OldValue, current, _keyspace!);
        }
        else
        {
            OldValue.Null();
        }
    }
}
