using System.Text.Json.Nodes;

namespace GuestMemFs.KernelLab.Guest.Inner;

/// <summary>Plans for <c>gmfs live-update</c>, as files.</summary>
internal static class UpdatePlan
{
    public const string KvStoreSocket = "/run/kvstore.live-update";

    /// <summary>Writes one and gives its path.</summary>
    /// <param name="stage">The stage that it begins in.</param>
    /// <param name="machines">The machines; KvStore is in it always.</param>
    /// <param name="change">Changes it before it is written.</param>
    public static string Write(Stage stage, IEnumerable<InnerMachine> machines, Action<JsonObject>? change = null)
    {
        var plan = new JsonObject
        {
            ["arena"] = Place.Arena,
            ["kernel"] = new JsonObject
            {
                ["image"] = "/boot/6.12/vmlinuz",
                ["initrd"] = "/boot/initrd",
                ["commandLine"] = stage.Arguments.ForStage(stage.Number + 1, word => word),
                ["entry"] = "direct",
            },
            ["fingerprint"] = "whole",
            ["machines"] = new JsonArray([.. machines.Select(machine => new JsonObject
            {
                ["name"] = machine.Name,
                ["regions"] = new JsonArray(machine.Name),
                ["monitor"] = machine.MonitorSocket,
                ["arguments"] = new JsonArray([.. machine.Arguments.Select(argument => (JsonNode)argument)]),
                ["deadline"] = 120,
            })]),
            ["services"] = new JsonArray(new JsonObject { ["name"] = "kvstore", ["socket"] = KvStoreSocket,
                ["deadline"] = 120 }),
        };
        change?.Invoke(plan);
        string file = $"/tmp/plan-{Guid.NewGuid():N}.json";
        File.WriteAllText(file, plan.ToJsonString());
        return file;
    }

    /// <summary>Has the host keep a plan's file: the next kernel has another /tmp, and resumes with it.</summary>
    public static string Keep(Stage stage, string file)
    {
        stage.Host.Tell("plan file", file);
        stage.Host.Tell("plan text", File.ReadAllText(file));
        return file;
    }

    /// <summary>Puts the file back that was kept under the kernel before.</summary>
    public static void PutBack(Stage stage)
    {
        string file = stage.Host.Ask("plan file");
        if (file.Length > 0 && !File.Exists(file))
        {
            File.WriteAllText(file, stage.Host.Ask("plan text"));
        }
    }
}
