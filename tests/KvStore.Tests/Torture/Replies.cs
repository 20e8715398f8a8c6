using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>Equality of replies by content.</summary>
internal static class Replies
{
    public static bool Same(RespReply a, RespReply b) =>
        a.Kind == b.Kind
        && a.Integer == b.Integer
        && (a.Bytes ?? []).AsSpan().SequenceEqual(b.Bytes ?? [])
        && (a.Items ?? []).Length == (b.Items ?? []).Length
        && (a.Items ?? []).Zip(b.Items ?? []).All(pair => Same(pair.First, pair.Second));
}
