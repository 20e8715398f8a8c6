using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>KvStore is filled and stopped; under the next kernel every key is there.</summary>
internal sealed class KvStoreStopped : Scenario
{
    public override void Run(Stage stage)
    {
        using var store = Store.Start(stage, Place.Open(stage));
        if (stage.Number == 0)
        {
            store.LoadStopAndKexec();
        }

        store.TellAttach();
        store.Verify(new Overwriter(store.Data));
        store.Stop();
    }
}
