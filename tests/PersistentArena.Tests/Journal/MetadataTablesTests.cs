using GuestMemFs.Format;
using GuestMemFs.Journal;

namespace GuestMemFs.Tests.Journal;

/// <summary>
/// What the tables say after any operations is what a plain list of regions and extents says, and what cannot be is
/// refused with the same words.
/// </summary>
public sealed class MetadataTablesTests
{
    private const int Rounds = 1_500;
    private const int MostOperations = 40;

    private static readonly string[] s_names = ["a", "b", "c", "d"];

    [Fact]
    public void Random_operations_say_what_a_plain_model_says()
    {
        Random random = new(31);
        Dictionary<string, int> faults = new(StringComparer.Ordinal);
        int consistent = 0;
        for (int round = 0; round < Rounds; round++)
        {
            MetadataTables tables = new();
            TablesModel model = new();
            for (int i = 0; i < MostOperations && model.Fault is null; i++)
            {
                Transaction operations = new();
                model.Do(random, operations, s_names);
                bool applied = tables.Apply(operations.Operations);
                Assert.Equal((model.Fault is null, model.Fault), (applied, tables.Fault));
                if (applied)
                {
                    model.AssertSame(tables, s_names);
                    consistent += tables.IsConsistent() ? 1 : 0;
                }
            }

            faults[model.Fault ?? "none"] = faults.GetValueOrDefault(model.Fault ?? "none") + 1;
        }

        Assert.Equal(5, faults.Count); // each of the tables' own four, and none
        Assert.True(consistent > Rounds, $"consistent after {consistent} operations");
    }

    [Fact]
    public void A_fault_of_any_entry_is_one_of_the_record_and_stays()
    {
        RegionEntry region = TablesModel.Region(1, "a", 1);
        ExtentEntry extent = TablesModel.Extent(1, 1, 0, ExtentState.InUse);
        foreach ((string fault, Transaction operations) in new (string, Transaction)[]
        {
            ("a region's length is none", new Transaction().Put(region with { Length = 1 })),
            ("a file's length is none", new Transaction().Put(region).Put(extent with { FileLength = 1 })),
            ("an extent belongs to no region", new Transaction().Put(extent)),
            ("an extent in use is dropped", new Transaction().Put(region).Put(extent).DropExtent(1)),
            ("the next ids are none", new Transaction().Set(ArenaState.Initial with { NextRegionId = 0 })),
            ("the epoch is none", new Transaction().Set(ArenaState.Initial with { Epoch = 1UL << 32 })),
        })
        {
            MetadataTables tables = new();
            Assert.False(tables.Apply(operations.Operations));
            Assert.Equal(fault, tables.Fault);
            Assert.False(tables.Apply(new Transaction().Put(region).Operations));
            Assert.Equal(fault, tables.Fault);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(15)]
    [InlineData(20)]
    [InlineData(1 << 20)]
    public void A_length_that_cannot_be_is_refused(int length)
    {
        byte[] operations = new Transaction().DropRegion(1).DropRegion(2).Operations.ToArray();
        OperationHeader header = new() { Kind = OperationKind.DropRegion, Length = (uint)length };
        Structs.Write(operations, header);

        Assert.False(new MetadataTables().Apply(operations));
    }

    [Fact]
    public void What_is_cut_short_or_of_no_kind_is_refused()
    {
        byte[] operations = new Transaction().Put(TablesModel.Region(1, "a", 1)).DropRegion(1).Operations.ToArray();
        for (int length = 1; length < operations.Length; length++)
        {
            MetadataTables tables = new();
            bool applied = tables.Apply(operations.AsSpan(0, length));
            Assert.Equal(length == operations.Length - 16, applied); // behind the first of both
        }

        Structs.Write(operations, new OperationHeader { Kind = (OperationKind)99, Length = 16 });
        Assert.False(new MetadataTables().Apply(operations));
    }
}
