namespace GuestMemFs.Typed;

/// <summary>What to do with a record.</summary>
internal enum TableAction
{
    None,
    Put,
    Remove,
}
