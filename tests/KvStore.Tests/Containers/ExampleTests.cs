using System.Text.RegularExpressions;
using KvStore.Engine;
using YamlDotNet.RepresentationModel;

namespace KvStore.Tests.Containers;

/// <summary>
/// The examples of docs/containers.md: YAML that parses, options that KvStore has, paths that are mounted.
/// </summary>
public sealed partial class ExampleTests
{
    private static readonly string s_page = Repository.PathOf("docs/containers.md");

    [Fact]
    public void The_pod_mounts_what_the_server_uses_and_its_memory_fits_the_limit()
    {
        YamlNode pod = Example(0)["spec"]["template"]["spec"];
        YamlNode container = ((YamlSequenceNode)pod["containers"]).Single();
        string[] volumes = [.. Names(pod["volumes"])];
        string[] mounts = [.. ((YamlSequenceNode)container["volumeMounts"]).Select(mount => Text(mount["mountPath"]))];

        AssertOptions(container["args"], mounts);
        Assert.All(Names(container["volumeMounts"]), name => Assert.Contains(name, volumes));
        YamlNode first = ((YamlSequenceNode)pod["initContainers"]).Single();
        Assert.Equal(["chmod", "1777", "/arena"], ((YamlSequenceNode)first["command"]).Select(Text));
        long limit = Bytes(container["resources"]["limits"]["memory"]);
        Assert.InRange(Bytes(pod["volumes"][0]["emptyDir"]["sizeLimit"]), 1, limit - (100 << 20));
        Assert.Equal("Memory", Text(pod["volumes"][0]["emptyDir"]["medium"]));
        Assert.Equal("true", Text(container["securityContext"]["readOnlyRootFilesystem"]));
        Assert.Equal($"{new ServerOptions().Port}", Text(container["ports"][0]["containerPort"]));
    }

    [Fact]
    public void The_compose_service_mounts_what_the_server_uses()
    {
        YamlNode service = Example(1)["services"]["kvstore"];
        string[] mounts = [.. ((YamlSequenceNode)service["volumes"]).Select(volume => Text(volume).Split(':')[1])];

        AssertOptions(service["command"], [.. mounts, "/run/secrets"]);
        Assert.Equal("true", Text(service["read_only"]));
        Assert.Equal(Names(service["secrets"]), ((YamlMappingNode)Example(1)["secrets"]).Children.Keys.Select(Text));
        Assert.EndsWith($":{new ServerOptions().Port}", Text(service["ports"][0]), StringComparison.Ordinal);
    }

    private static void AssertOptions(YamlNode arguments, string[] mounts)
    {
        foreach (string argument in ((YamlSequenceNode)arguments).Select(Text))
        {
            string[] parts = argument.Split('=', 2);
            Assert.StartsWith("--", argument, StringComparison.Ordinal);
            Assert.True(Settings.Find(parts[0][2..]) is not null, $"KvStore has no {parts[0]}");
            if (parts[1].StartsWith('/'))
            {
                string path = parts[1] + "/";
                Assert.Contains(mounts, mount => path.StartsWith(mount + "/", StringComparison.Ordinal));
            }
        }
    }

    private static YamlNode Example(int index)
    {
        string[] blocks = [.. Block().Matches(File.ReadAllText(s_page)).Select(match => match.Groups["yaml"].Value)];
        Assert.Equal(2, blocks.Length);
        YamlStream stream = [];
        using var reader = new StringReader(blocks[index]);
        stream.Load(reader);
        return stream.Documents.Single().RootNode;
    }

    private static IEnumerable<string> Names(YamlNode list) =>
        ((YamlSequenceNode)list).Select(item => item is YamlScalarNode ? Text(item) : Text(item["name"]));

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    private static long Bytes(YamlNode node) =>
        ByteSize.TryParse(Text(node) + "B", out long bytes) ? bytes : throw new FormatException(Text(node));

    [GeneratedRegex("```yaml\n(?<yaml>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Block();
}
