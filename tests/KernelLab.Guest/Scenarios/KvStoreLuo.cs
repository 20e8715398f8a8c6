using System.Diagnostics;
using KvStore.Demo;

namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// KvStore on memfds that <c>gmfs hold</c> has and the kernel keeps, over as many kexecs as <c>lab.kexecs</c> says, by
/// <c>gmfs luo</c>. Before each the server is stopped or killed, and under each kernel every key of every life is read
/// back and more are written. With <c>lab.lose</c> what would lose the memory is tried: it must be refused, and is then
/// forced.
/// </summary>
internal sealed class KvStoreLuo : Scenario
{
    private const string Socket = "/run/hold.sock";
    private const string Name = "kvstore";
    private const int KeysEachLife = 1000;

    public override void Run(Stage stage)
    {
        using Process holder = Gmfs.Hold(Socket);
        string? loss = stage.Arguments.Find("lose");
        if (stage.Number > 0)
        {
            (int code, string text) = Gmfs.Try("luo", "restore", "--holder", Socket);
            stage.Host.Tell("restore", $"{code} {text}");
            Stage.Check(code == 0 || loss is not null, $"gmfs luo restore ended with {code}: {text}");
        }

        using var store = Store.Start(stage, "/tmp/none", "--arena", "", "--holder", Socket);
        store.TellAttach();
        using RespClient client = store.Connect();
        if (loss is not null && stage.Number > 0)
        {
            stage.Host.Tell("keys", $"{client.Call("DBSIZE").Integer}");
            store.Stop();
            return;
        }

        if (stage.Number == 0)
        {
            store.Load();
        }
        else
        {
            CheckLives(stage, client);
            store.Verify(new Overwriter(store.Data));
        }

        if (stage.Number == stage.Arguments.Number("kexecs"))
        {
            store.Stop();
            holder.Kill();
            return;
        }

        WriteLife(stage, client);
        if (stage.Number % 2 == 0)
        {
            store.Stop();
        }
        else
        {
            store.Server.Kill();
        }

        if (loss is not null)
        {
            new LuoLoss(stage, Socket, Name).Force(loss, holder);
        }

        // Its steps are told as they come: it does not end, the kernel does.
        using Process process = Gmfs.Start(stage.Host, "step",
            LuoLoss.Arguments("kexec", Socket, Name, stage.Arguments.ForStage(stage.Number + 1, word => word)));
        process.WaitForExit();
        throw new ScenarioException($"gmfs luo kexec ended with {process.ExitCode}");
    }

    private static void WriteLife(Stage stage, RespClient client)
    {
        for (int i = 0; i < KeysEachLife; i++)
        {
            Stage.Check(client.Call("SET", $"life:{stage.Number}:{i}", $"{stage.BootId}:{i}").Text == "OK",
                $"SET failed");
        }

        stage.Host.Tell($"life {stage.Number}", stage.BootId);
    }

    private static void CheckLives(Stage stage, RespClient client)
    {
        for (int life = 0; life < stage.Number; life++)
        {
            string boot = stage.Host.Ask($"life {life}");
            for (int i = 0; i < KeysEachLife; i++)
            {
                string? found = client.Call("GET", $"life:{life}:{i}").Text;
                Stage.Check(found == $"{boot}:{i}", $"life:{life}:{i} is '{found}', written under boot {boot}");
            }
        }

        stage.Host.Tell("lives", $"{stage.Number}");
    }
}
