namespace GuestMemFs.ScheduleLab;

/// <summary>How a scenario is looked into.</summary>
internal enum Look
{
    /// <summary>Every schedule of up to one preemption.</summary>
    OnePreemption,

    /// <summary>Every schedule of up to two preemptions.</summary>
    TwoPreemptions,

    /// <summary>Every schedule of up to three preemptions: of small scenarios.</summary>
    ThreePreemptions,

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
        ["allocator-without-its-lock-taking"] = new(Look.TwoPreemptions, "big/remove-three+set-two-big"),
        ["allocator-without-its-lock-spilling"] = new(Look.TwoPreemptions, "big/remove-three+set-two-big"),
        ["reserved-now-counts-as-free"] = new(Look.OnePreemption, "scattered/set-big+compact"),
        ["lane-held-by-several"] = new(Look.OnePreemption, "big/remove-three+set-two-big"),
        ["lane-does-not-look-for-a-group"] = new(Look.OnePreemption, "empty/set-new+group-objects"),
        ["group-ends-before-its-rollback"] = new(Look.OnePreemption, "empty/set+group-objects"),
        ["group-ends-before-its-commit"] = new(Look.OnePreemption, "empty/group+group-left"),
        ["slot-before-its-intent"] = new(Look.Crashes, "one/set-new+set-new"),
        ["bucket-lock-does-not-wait"] = new(Look.TwoPreemptions, "one/set-new+set-new"),
        ["bucket-lock-tested-then-set"] = new(Look.Chance, "one/set-new+set-new+set-new"),
        ["version-after-update-late"] = new(Look.Deaths, "big/get-elsewhere+set-big"),
        ["no-version-after-collapse"] = new(Look.TwoPreemptions, "overflow/remove-last+get-seventh"),
        ["no-version-after-rollback"] = new(Look.TwoPreemptions, "one/get+group-back-set"),
        ["reader-does-not-compare-the-table"] = new(Look.OnePreemption, "one/get+set-of-a-segment"),
        ["reader-takes-the-version-late"] = new(Look.OnePreemption, "one/remove-set+get"),
        ["batch-reader-looks-once"] = new(Look.OnePreemption, "one/remove-set+get-many"),
        ["counters-of-another-lane"] = new(Look.OnePreemption, "big/remove-three+set-two-big"),
        ["allocator-without-its-lock-giving"] = new(Look.OnePreemption, "runs/remove-runs+set-runs"),
        ["freed-run-given-twice"] = new(Look.OnePreemption, "runs/remove-set-runs+get"),
        ["lane-tested-then-set"] = new(Look.TwoPreemptions, "one/set-new+set-elsewhere"),
        ["lanes-share-a-cache"] = new(Look.OnePreemption, "empty/set-new+set-elsewhere"),
        ["lane-looks-for-a-group-too-early"] = new(Look.ThreePreemptions, "one/set-group-increment+increment"),
        ["group-does-not-wait"] = new(Look.OnePreemption, "one/set+group-left"),
        ["group-tested-then-set"] = new(Look.TwoPreemptions, "one/group+group-back"),
        ["group-entry-counted-before-it-is-written"] = new(Look.Crashes, "one/get+group"),
        ["group-frees-before-its-commit"] = new(Look.CrashesUnderOnePreemption, "one/get+group"),
        ["roots-without-their-lock"] = new(Look.OnePreemption, "empty/open-root+open-root"),
        ["objects-without-their-lock"] = new(Look.OnePreemption, "one/put-object+put-object-set"),
        ["fence-of-the-intent-gone"] = new(Look.Weak, "one/set+get"),
        ["fence-of-the-end-gone"] = new(Look.Weak, "empty/set+remove-set"),
        ["no-version-after-move"] = new(Look.OnePreemption, "scattered/get-fill0+compact-fill"),
        ["move-without-the-bucket-lock"] = new(Look.OnePreemption, "scattered/set-big+compact"),
        ["move-frees-before-the-slot"] = new(Look.Crashes, "scattered/get+compact"),
        ["root-not-looked-for-again"] = new(Look.OnePreemption, "empty/open-root+open-root"),
        ["recovery-not-told-to-readers"] = new(Look.Deaths, "big/get-elsewhere+set-big"),
        ["versions-begin-anew"] = new(Look.OnePreemption, "one/get+clear-twice"),
        ["no-version-after-split"] = new(Look.OnePreemption, "about-to-split/set-new+scan-elsewhere"),
        ["scan-elsewhere-does-not-compare-the-copy"] = new(Look.OnePreemption, "one/remove-set+scan-elsewhere"),
        ["scan-elsewhere-does-not-compare-the-list"] = new(Look.OnePreemption, "overflow/remove-last+scan-elsewhere"),
        ["group-taken-back-from-another"] = new(Look.Chance, "empty/small-group+small-group-back+add"),
        ["slot-emptied-after-its-tag-was-seen-is-damage"] = new(Look.TwoPreemptions, "expiring/get+remove-expired"),
        ["map-lock-left-out"] = new(Look.OnePreemption, "map-few/map-set-new+map-set-last"),
        ["map-move-without-the-lock"] = new(Look.OnePreemption, "map-scattered/map-remove-set+map-compact"),
        ["no-version-after-entry-update"] = new(Look.OnePreemption, "map-few/map-set+map-get"),
        ["no-version-after-entry-removal"] = new(Look.OnePreemption, "map-few/map-remove-set+map-get"),
        ["no-version-after-entry-move"] = new(Look.OnePreemption, "map-scattered/map-get+map-compact"),
        ["no-version-after-nodes"] = new(Look.OnePreemption, "map-full-leaf/map-set-new+map-get"),
        ["map-reader-does-not-compare-the-leaf"] = new(Look.OnePreemption, "map-few/map-remove-set+map-get"),
        ["map-reader-does-not-compare-the-tree"] = new(Look.OnePreemption, "map-thin/map-remove-set+map-get-new"),
        ["map-walk-does-not-compare-the-tree"] = new(Look.OnePreemption, "map-full-leaf/map-set-new+map-scan"),
        ["walk-leads-on-in-another-tree"] = new(Look.OnePreemption, "map-thin/map-remove+map-scan"),
        ["walk-leads-on-twice"] = new(Look.OnePreemption, "map-three-leaves/map-remove-last+map-scan"),
        ["rank-does-not-compare-the-changes"] = new(Look.OnePreemption, "map-thin-ends/map-remove-set-far+map-rank"),
        ["rank-changes-end-before-the-totals"] = new(Look.OnePreemption, "map-deep/map-set-new+map-get-rank"),
        ["entry-published-before-its-slot"] = new(Look.OnePreemption, "map-few/map-set-new+map-get-new"),
        ["split-leaves-a-leaf-pending"] = new(Look.Crashes, "map-full-leaf/map-set-new+map-rank"),
        ["entry-counted-without-its-leaf"] = new(Look.Crashes, "map-three-leaves/map-set-new+map-remove"),
        ["erased-slice-left"] = new(Look.OnePreemption, "map-erasing/map-remove+map-get"),
        ["offset-of-a-log-that-grew"] = new(Look.OnePreemption, "log-empty/log-append-long+log-get-new"),
        ["log-lock-left-out"] = new(Look.OnePreemption, "log-one/log-append+log-append"),
        ["log-id-before-the-lock"] = new(Look.OnePreemption, "log-one/log-append+log-append"),
        ["log-tail-before-its-entry"] = new(Look.OnePreemption, "log-empty/log-append-three+log-get-new"),
        ["log-mark-after-the-tail"] = new(Look.OnePreemption, "log-garbage/log-count+log-append-three"),
        ["log-slot-behind-the-span"] = new(Look.OnePreemption, "log-empty/log-append-three+log-get"),
        ["log-segment-without-its-intent"] = new(Look.Crashes, "log-full-segment/log-append+log-get"),
        ["old-directory-not-in-the-intent"] = new(Look.OnePreemption, "log-full-directory/log-append+log-append"),
        ["no-version-after-a-directory"] = new(Look.OnePreemption, "log-full-segment/log-append-three+log-get-new"),
        ["no-version-after-a-segment-out"] = new(Look.OnePreemption, "log-full-directory/log-get+log-trim"),
        ["segment-freed-before-it-is-out"] = new(Look.Crashes, "log-full-directory/log-get+log-trim"),
        ["trim-without-the-lock"] = new(Look.OnePreemption, "log-full-segment/log-trim+log-clear"),
        ["segments-collected-without-the-lock"] = new(Look.OnePreemption, "log-garbage/log-collect+log-collect"),
        ["group-gives-up-what-it-may-bring-back"] =
            new(Look.OnePreemption, "log-empty/log-append-three+log-group-back"),
        ["log-group-without-its-note"] = new(Look.OnePreemption, "log-empty/log-append+log-group-back"),
        ["log-note-before-its-entry"] = new(Look.OnePreemption, "log-empty/log-append+log-group"),
        ["log-group-is-not-hidden"] = new(Look.OnePreemption, "log-one/log-count-elsewhere+log-group"),
        ["no-version-before-a-group-changes-a-log"] = new(Look.TwoPreemptions, "log-one/log-count+log-group"),
        ["ids-given-twice"] = new(Look.OnePreemption, "log-empty/log-append+log-group-back"),
        ["log-reader-does-not-compare-the-version"] = new(Look.OnePreemption, "log-empty/log-append+log-walk"),
        ["log-reader-takes-erased-for-damage"] = new(Look.OnePreemption, "log-erasing/log-walk+log-trim"),
        ["log-walk-does-not-look-at-the-first"] = new(Look.OnePreemption, "log-full-segment/log-walk+log-clear"),
        ["walk-down-takes-a-trim-for-damage"] = new(Look.OnePreemption, "log-full-segment/log-walk-down+log-clear"),
        ["walk-down-begins-once"] = new(Look.OnePreemption, "log-one/log-walk-down+log-append-trim"),
        ["log-ends-looked-at-once"] = new(Look.OnePreemption, "log-one/log-count+log-replace"),
        ["first-entry-read-before-the-search"] =
            new(Look.TwoPreemptions, "log-many/log-look-elsewhere+log-trim-append"),
        ["trimmed-entry-found"] = new(Look.OnePreemption, "log-many/log-get+log-trim"),
        ["position-in-the-place-that-counts"] = new(Look.OnePreemption, "log-one/log-position+log-set-position"),
        ["position-does-not-compare-the-number"] = new(Look.OnePreemption, "log-one/log-position+log-set-position"),
        ["no-version-after-a-position-out"] = new(Look.OnePreemption, "log-one/log-position+log-remove-position"),
        ["position-linked-before-it-is-filled"] = new(Look.OnePreemption, "log-one/log-position+log-add-position"),
        ["position-not-looked-for-again"] = new(Look.OnePreemption, "log-one/log-add-position+log-add-position"),
        ["positions-without-the-lock"] = new(Look.OnePreemption, "log-one/log-set-position+log-set-position"),
        ["trimmed-bytes-left"] = new(Look.OnePreemption, "log-erasing/log-get+log-trim"),
        ["link-not-in-the-group"] = new(Look.OnePreemption, "node-few/node-swap-left+node-beside"),
        ["object-linked-before-its-header"] = new(Look.Crashes, "node-few/node-put+node-beside"),
        ["object-without-its-intent"] = new(Look.Crashes, "node-few/node-put+node-beside"),
        ["allocated-object-not-taken-back"] = new(Look.OnePreemption, "node-few/node-exchange-back+node-put"),
        ["released-object-stays"] = new(Look.OnePreemption, "node-few/node-exchange+node-beside"),
        ["end-of-a-list-chosen-before-the-lock"] = new(Look.OnePreemption, "list-one/list-take-first+list-take-last"),
        ["leased-entry-taken-before-the-group"] = new(Look.Crashes, "queue-few/queue-peek+queue-lease-complete"),
        ["number-of-an-entry-read-and-then-set"] =
            new(Look.OnePreemption, "queue-one/queue-enqueue-same+queue-enqueue-same"),
        ["savepoint-goes-back-too-far"] = new(Look.OnePreemption, "group-few/group-savepoint+group-set"),
        ["log-not-noted-behind-a-savepoint"] = new(Look.OnePreemption, "group-few/group-savepoint+group-append"),
        ["collection-not-noted-when-it-begins"] = new(Look.Crashes, "nested-none/nested-create+nested-get"),
        ["drop-is-not-noted"] = new(Look.OnePreemption, "nested-few/nested-drop-collect+nested-get"),
        ["collection-freed-with-its-owner-there"] =
            new(Look.Crashes, "nested-few/nested-drop-create+nested-get"),
        ["member-looked-for-before-the-lock"] = new(Look.OnePreemption, "set-empty/set-add+set-add"),
        ["set-replaced-without-a-group"] = new(Look.Crashes, "set-few/set-contains+set-clear"),
        ["end-of-bytes-chosen-before-the-lock"] = new(Look.OnePreemption, "bytes-some/bytes-append+bytes-append"),
        ["bytes-appended-where-the-end-was-before-the-group"] =
            new(Look.OnePreemption, "bytes-two-chunks/bytes-append-long+bytes-append-short"),
        ["bytes-of-several-chunks-without-a-group"] =
            new(Look.Crashes, "bytes-two-chunks/bytes-append-short+bytes-write-long"),
        ["end-of-bytes-looked-at-once"] = new(Look.OnePreemption, "bytes-some/bytes-read+bytes-shorten"),
        ["bit-read-before-the-lock"] = new(Look.OnePreemption, "bitmap-none/bitmap-set+bitmap-set"),
        ["snapshot-taken-beside-changes"] = new(Look.OnePreemption, "snap-one/snapshot+group"),
        ["snapshot-watches-behind-the-standstill"] = new(Look.TwoPreemptions, "snap-one/snapshot+group"),
        ["page-called-kept-before-it-is"] = new(Look.OnePreemption, "snapopen-one/set-elsewhere+remove"),
        ["page-kept-twice"] = new(Look.OnePreemption, "snapopencopy-one/set-elsewhere+remove"),
        ["last-page-of-a-store-not-kept"] = new(Look.OnePreemption, "snapopen-runs/remove-set-runs+get"),
        ["lost-snapshot-stays"] = new(Look.OnePreemption, "snap-one/snapshot-small+set-longer"),
        ["snapshot-stays-watched"] = new(Look.OnePreemption, "snap-one/snapshot+set-longer"),
        ["snapshots-reader-not-told"] =
            new(Look.OnePreemption, "snapopen-one/open-snapshot-read+open-snapshot-end"),
        ["snapshot-left-at-the-close"] = new(Look.OnePreemption, "snapopen-one/set+set-new"),
        ["watchers-without-their-gate"] = new(Look.TwoPreemptions, "snap-one/snapshot-set+snapshot-end"),
        ["span-handed-out-without-a-word"] = new(Look.OnePreemption, "snapopen-runs/remove-set-runs+get"),
        ["checksum-left-out"] = new(Look.OnePreemption, "checked/set+get"),
        ["erasing-left-out"] = new(Look.OnePreemption, "erasing/set+get"),
        ["erasing-of-what-was-begun-left-out"] = new(Look.Crashes, "erasing/set+get"),
    };

    /// <summary>The deliberate faults that are not seen here, each with the reason.</summary>
    public static IReadOnlyDictionary<string, string> NotSeen { get; } = new Dictionary<string, string>
    {
        ["no-version-before-collection"] =
            "a reader of garbage sees that its table is no more the current one",
        ["fence-of-the-slot-gone"] =
            "the counters, which are published next, order the slot before them; that another thread sees the slot "
            + "before the record's bytes takes a processor with a weak order, which this is not",
        ["no-version-after-entries-back"] =
            "the group's note, which is freed next, changes the log's version as well; nothing but an erasing heap "
            + "writes to the entries before that",
        ["fence-of-the-header-gone"] =
            "the slot, which is published next, orders the header before it",
    };
}
