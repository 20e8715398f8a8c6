using System.Text.Json;
using System.Xml.Linq;
using GuestMemFs.Cli.Tests.Infrastructure;

namespace GuestMemFs.Cli.Tests.Commands;

/// <summary>The picture shows what is there.</summary>
public sealed class MapTests
{
    [Fact]
    public void It_knows_what_is_used_and_what_was_freed()
    {
        using TestArena arena = new TestArena().Filled(20_000);
        JsonElement full = Heap(arena);
        using (PersistentArena library = PersistentArena.Open(arena.Options))
        {
            PersistentDictionary carts = PersistentDictionary.OpenOrCreate(
                PersistentHeap.Open(library.OpenRegion("carts")), "carts");
            Assert.InRange(full.GetProperty("used").GetInt64(), carts.RecordBytes, 2 * carts.RecordBytes);
            for (int i = 0; i < 20_000; i++)
            {
                if (i % 4 != 0)
                {
                    carts.Remove(BitConverter.GetBytes(i));
                }
            }
        }

        JsonElement thinned = Heap(arena);
        Assert.True(thinned.GetProperty("used").GetInt64() < full.GetProperty("used").GetInt64() / 2,
            $"{full} {thinned}");
        Assert.True(thinned.GetProperty("free").GetInt64() > full.GetProperty("free").GetInt64());
        Assert.InRange(thinned.GetProperty("fragmented").GetDouble(), 0, 1);
    }

    [Fact]
    public void Terminal_and_svg_name_every_region_and_file()
    {
        using TestArena arena = new TestArena().Filled();
        using var files = new TestArena();
        arena.Gmfs("create", "a <b> & c", "2M").IsDone();
        string text = arena.Gmfs("map").Out;
        Assert.Contains("carts", text, StringComparison.Ordinal);
        Assert.Contains("█", text, StringComparison.Ordinal);
        Assert.Contains("_", text, StringComparison.Ordinal);
        arena.Gmfs("map", "--svg", files.File("map.svg")).IsDone();
        XDocument svg = XDocument.Load(files.File("map.svg"));
        foreach (string name in (string[])["carts", "blob", "a <b> & c", "extent-1", "extent-2", "extent-3"])
        {
            Assert.Contains(name, text, StringComparison.Ordinal);
            Assert.Contains(name, svg.Root!.Value, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("http", File.ReadAllText(files.File("map.svg")).Replace("http://www.w3.org/2000/svg", string.Empty, StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void It_works_beside_a_writer_and_over_what_cannot_be_read()
    {
        using TestArena arena = new TestArena().Filled();
        using PersistentArena writer = PersistentArena.Open(arena.Options);
        PersistentDictionary carts = PersistentDictionary.OpenOrCreate(PersistentHeap.Open(writer.OpenRegion("carts")),
            "carts");
        using var stop = new CancellationTokenSource();
        var changes = new Thread(() =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                carts.Set(BitConverter.GetBytes(i % 3000), new byte[i % 2000]);
            }
        });
        changes.Start();
        try
        {
            for (int i = 0; i < 20; i++)
            {
                arena.Gmfs("map", "--json").IsDone();
            }
        }
        finally
        {
            stop.Cancel();
            changes.Join();
        }

        File.Delete(arena.File("extent-2"));
        Assert.Contains(ReasonCodes.ExtentMissing, arena.Gmfs("map").Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_names_and_many_files_stay_in_the_picture()
    {
        using TestArena arena = new TestArena().Filled();
        using var files = new TestArena();
        arena.Gmfs("create", new string('n', 128), "2M", "--max-size", "1G").IsDone();
        for (int i = 0; i < 9; i++)
        {
            arena.Gmfs("grow", new string('n', 128), "+2M").IsDone();
        }

        arena.Gmfs("map", "--svg", files.File("map.svg")).IsDone();
        Assert.Contains("(10 files)", arena.Gmfs("map").Out, StringComparison.Ordinal);
        XDocument svg = XDocument.Load(files.File("map.svg"));
        XName text = svg.Root!.Name.Namespace + "text";
        Assert.Contains("(10 files)", svg.Root.Value, StringComparison.Ordinal);
        Assert.All(svg.Descendants(text), line =>
            Assert.InRange(string.Concat(line.Nodes().Where(n => n is XText || ((XElement)n).Name.LocalName != "title")
                .Select(n => n is XElement e ? e.Value : n.ToString())).Length, 0, 160));
    }

    private static JsonElement Heap(TestArena arena) => arena.Gmfs("map", "--json").Json.GetProperty("regions")
        .EnumerateArray().Single(r => r.GetProperty("name").GetString() == "carts");
}
