using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// KvStore is in the middle of being written to when its kernel ends, by a kexec or (<c>lab.end=panic</c>) by a panic
/// into a crash kernel. Under the next kernel every write is there that the host had heard was acknowledged.
/// </summary>
internal sealed class KvStoreKilled : Scenario
{
    private static readonly TimeSpan s_tellEvery = TimeSpan.FromMilliseconds(20);

    public override void Run(Stage stage)
    {
        using var store = Store.Start(stage, Place.Open(stage));
        if (stage.Number == 0)
        {
            store.Load();
            EndInMidWrite(stage, store);
        }

        long acknowledged = stage.Host.AskNumber("acknowledged");
        store.TellAttach();
        // What was sent is not known: there, a key may be newer by some versions.
        store.Verify(new Overwriter(store.Data, acknowledged, acknowledged + (2 * store.Data.Keys)));
        store.Stop();
    }

    private static void EndInMidWrite(Stage stage, Store store)
    {
        bool panic = stage.Arguments.Find("end") == "panic";
        stage.LoadNext(change: panic ? Stage.AsCrashKernel : null, onPanic: panic);
        var writes = new Overwriter(store.Data);
        var writer = new Thread(() => writes.Run(store.Server.TcpEndPoint)) { IsBackground = true };
        var teller = new Thread(() =>
        {
            while (true)
            {
                stage.Host.Tell("acknowledged", $"{writes.Acknowledged}");
                Thread.Sleep(s_tellEvery);
            }
        }) { IsBackground = true };
        writer.Start();
        stage.Host.Tell("acknowledged", $"0");
        teller.Start();
        // What the host has heard, not what is acknowledged: the end cuts off what is still on the line.
        while (stage.Host.AskNumber("acknowledged") < store.Data.Keys / 4)
        {
            Stage.Check(writer.IsAlive, $"the writer ended: {store.Server.Output}");
            Thread.Sleep(s_tellEvery);
        }

        if (panic)
        {
            Stage.Panic();
        }

        Kexec.Enter();
    }
}
