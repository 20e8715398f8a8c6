using System.Buffers;
using System.Globalization;
using System.Text;

namespace GuestMemFs.Typed;

// What the typed dictionary asks of the one of bytes. They copy and no more: a serializer is called when the bytes are
// known to be whole.

internal static class ValueBytes
{
    /// <summary>Appends a value's bytes; an integer that was put as one, as its digits.</summary>
    public static void Append(in RecordView record, ArrayBufferWriter<byte> to)
    {
        if (record.IsInteger)
        {
            to.Write(Encoding.ASCII.GetBytes(record.Integer.ToString(CultureInfo.InvariantCulture)));
        }
        else
        {
            to.Write(record.Value);
        }
    }
}

internal readonly struct CopyTo(ArrayBufferWriter<byte> to) : IRecordReader
{
    public void Read(in RecordView record)
    {
        to.ResetWrittenCount(); // It may be called again.
        ValueBytes.Append(record, to);
    }
}

internal struct TakeOut(ArrayBufferWriter<byte> to) : IRecordMutation
{
    public bool Done { get; private set; }

    public MutationPlan Plan(in RecordView current)
    {
        to.ResetWrittenCount();
        Done = current.Exists;
        if (Done)
        {
            ValueBytes.Append(current, to);
        }

        return Done ? MutationPlan.Remove() : MutationPlan.None;
    }

    public readonly void Write(in RecordView current, Span<byte> value)
    {
    }
}

internal readonly struct CollectInto(List<(byte[] Key, byte[] Value)> page) : IRecordVisitor
{
    public void Visit(in RecordView record)
    {
        var value = new ArrayBufferWriter<byte>();
        ValueBytes.Append(record, value);
        page.Add((record.Key.ToArray(), value.WrittenSpan.ToArray()));
    }
}
