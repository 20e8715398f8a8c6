using KvStore.Demo;

namespace KvStore.Tests.Infrastructure;

/// <summary>What a server prints, which comes over a pipe: an answer may be here before it.</summary>
internal static class Printed
{
    private static readonly TimeSpan s_patience = Patience.Limit;

    /// <summary>Waits for a text; fails where it does not come.</summary>
    public static void Contains(string text, ServerProcess server)
    {
        SpinWait.SpinUntil(() => server.Output.Contains(text, StringComparison.Ordinal), s_patience);
        Assert.Contains(text, server.Output, StringComparison.Ordinal);
    }
}
