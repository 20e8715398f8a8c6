using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// KvStore on memory that a kexec does not keep: under the next kernel it starts empty, without an error, and says why.
/// </summary>
internal sealed class KvStoreGone : Scenario
{
    public override void Run(Stage stage)
    {
        using var store = Store.Start(stage, Place.Open(stage));
        if (stage.Number == 0)
        {
            store.LoadStopAndKexec();
        }

        store.TellAttach();
        using RespClient client = store.Connect();
        stage.Host.Tell("keys", $"{client.Call("DBSIZE").Integer}");
        store.Stop();
    }
}
