using GuestMemFs.Collections;

namespace GuestMemFs.Typed;

/// <summary>Copies a page of a walk: a serializer is called when no lock is held.</summary>
internal readonly struct CollectInto(List<(byte[] Key, byte[] Value)> page) : IRecordVisitor
{
    public void Visit(in RecordView record) => page.Add((record.Key.ToArray(), CopyOut.ToBytes(record)));
}
