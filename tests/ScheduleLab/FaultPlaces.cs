namespace GuestMemFs.ScheduleLab;

/// <summary>How a scenario is looked into.</summary>
internal enum Look
{
    /// <summary>Every schedule of up to one preemption.</summary>
    OnePreemption,

    /// <summary>Every schedule of up to two preemptions.</summary>
    TwoPreemptions,

    /// <summary>The same, of scenarios that were made for one place in the sources.</summary>
    Special,

    /// <summary>A crash at each store, one thread after the other.</summary>
    Crashes,

    /// <summary>A crash at each store of every schedule of up to one preemption.</summary>
    CrashesUnderOnePreemption,

    /// <summary>A crash at each store that loses some of those before it.</summary>
    Weak,

    /// <summary>A writer dies under a reader of another process.</summary>
    Deaths,

    /// <summary>Schedules by chance.</summary>
    Chance,
}

/// <summary>Where a deliberate fault is seen.</summary>
internal sealed record FaultPlace(Look Look, params string[] Scenarios);

/// <summary>The deliberate faults that are caught, each with a place where it is: a look there takes seconds, one
/// everywhere takes an hour.</summary>
internal static class FaultPlaces
{
    public static IReadOnlyDictionary<string, FaultPlace> All { get; } = new Dictionary<string, FaultPlace>
    {
        ["bucket-lock-left-out"] = new(Look.OnePreemption, "empty/set-new+set-new"),
        ["bucket-lock-given-before-the-store"] = new(Look.OnePreemption, "empty/set-new+set-new"),
        ["bucket-lock-of-a-neighbour"] = new(Look.OnePreemption, "one/set-new+set-new"),
        ["table-taken-before-the-lock"] = new(Look.OnePreemption, "about-to-split/clear-collect-set+increment"),
        ["buckets-counted-before-the-lock"] = new(Look.OnePreemption, "about-to-split/set-new+set-new"),
        ["no-version-after-update"] = new(Look.OnePreemption, "expiring/set+get-elsewhere"),
        ["no-version-after-removal"] = new(Look.OnePreemption, "one/remove-set+get-elsewhere"),
        ["reader-does-not-compare-the-version"] = new(Look.OnePreemption, "one/remove-set+get"),
        ["reader-does-not-compare-the-buckets"] = new(Look.OnePreemption, "about-to-split/set-new+get-many"),
        ["growth-without-its-lock"] = new(Look.OnePreemption, "about-to-split/set-new+increment"),
        ["split-without-the-bucket-lock"] = new(Look.OnePreemption, "about-to-split/set-new+set"),
        ["split-published-before-it-is-written"] = new(Look.Crashes, "about-to-split/set-new+set"),
        ["split-takes-out-before-it-is-published"] = new(Look.Crashes, "about-to-split/set-new+set-new"),
        ["clear-without-locks"] = new(Look.OnePreemption, "empty/set-new+clear-collect-set"),
        ["clear-leaves-a-lock-out"] = new(Look.OnePreemption, "empty/set-new+clear-collect-set"),
        ["clear-published-before-it-is-written"] = new(Look.Crashes, "one/set-new+clear"),
        ["collection-without-its-lock"] = new(Look.OnePreemption, "empty/clear+clear-collect-set"),
        ["expiry-without-the-bucket-lock"] = new(Look.OnePreemption, "expiring/set+remove-expired"),
        ["scan-without-the-bucket-lock"] = new(Look.OnePreemption, "empty/scan+clear-collect-set"),
        ["allocator-without-its-lock-taking"] = new(Look.Special, "big/remove-three+set-two-big"),
        ["allocator-without-its-lock-spilling"] = new(Look.Special, "big/remove-three+set-two-big"),
        ["reserved-now-counts-as-free"] = new(Look.OnePreemption, "scattered/set-big+compact"),
        ["lane-held-by-several"] = new(Look.OnePreemption, "big/remove-three+set-two-big"),
        ["lane-does-not-look-for-a-group"] = new(Look.OnePreemption, "empty/set-new+group-objects"),
        ["group-ends-before-its-rollback"] = new(Look.OnePreemption, "empty/set+group-objects"),
        ["group-ends-before-its-commit"] = new(Look.OnePreemption, "empty/group+group-left"),
        ["slot-before-its-intent"] = new(Look.Crashes, "one/set-new+set-new"),
    };
}
