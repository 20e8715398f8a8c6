using GuestMemFs.KernelLab.Scenarios;
using Xunit.v3;

namespace GuestMemFs.KernelLab;

/// <summary>
/// The order in which scenarios begin: those that take longest come first, so that none of them is left to one machine
/// at the end while the other has nothing to do.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    // A class of tests is a collection. One that is not named here comes before all.
    private static readonly string[] s_classes =
    [
        nameof(SystemdTests), nameof(SeveralKexecTests), nameof(MachinesTests), nameof(KexecTests), nameof(LuoTests),
        nameof(ModuleTests), nameof(LabTests),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(
        IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : Xunit.Sdk.ITestCollection =>
        [.. testCollections.OrderBy(collection => Array.FindIndex(s_classes, name =>
            collection.TestCollectionDisplayName.Contains($".{name}", StringComparison.Ordinal)))];
}
