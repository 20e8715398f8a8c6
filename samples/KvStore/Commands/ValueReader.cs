using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;

namespace KvStore.Commands;

/// <summary>Replies with a record's value.</summary>
internal struct ValueReader(RespWriter reply, Keyspace keyspace) : IRecordReader
{
    private readonly long _start = reply.Position;

    public void Read(in RecordView record)
    {
        if (reply.Position != _start && !reply.Rewind(_start))
        {
            throw new InvalidOperationException("A record changed under the engine's gate.");
        }

        if (StringValue.IsWrong(record))
        {
            reply.Error(Errors.WrongType);
        }
        else
        {
            StringValue.Reply(reply, record, keyspace);
        }
    }
}
