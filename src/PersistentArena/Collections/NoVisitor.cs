namespace GuestMemFs.Collections;

/// <summary>For records that nobody wants to see.</summary>
internal readonly struct NoVisitor : IRecordVisitor
{
    public void Visit(in RecordView record)
    {
        // Nobody.
    }
}
