namespace GuestMemFs.Collections;

/// <summary>Refusals of keys and values.</summary>
internal static class RecordErrors
{
    public static ArgumentException ValueTooLong(long length) =>
        new($"A value has at most {RecordFormat.MaximumValueLength:N0} bytes; this one would " +
            $"have {length:N0}. Split it over several keys.", nameof(length));

    public static ArgumentException KeyTooLong(int length) =>
        new($"A key has at most {RecordFormat.MaximumKeyLength:N0} bytes; this one has {length:N0}. Use a " +
            "hash of it as key.", nameof(length));
}
