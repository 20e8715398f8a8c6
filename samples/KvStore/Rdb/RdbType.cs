namespace KvStore.Rdb;

/// <summary>The byte that says what an object of a dump is, and how it lies there.</summary>
internal enum RdbType : byte
{
    String = 0,
    List = 1,
    Set = 2,

    /// <summary>Scores are text.</summary>
    SortedSet = 3,

    Hash = 4,

    /// <summary>Scores are eight bytes.</summary>
    SortedSet2 = 5,

    HashZipmap = 9,
    ListZiplist = 10,
    SetIntset = 11,
    SortedSetZiplist = 12,
    HashZiplist = 13,
    ListQuicklist = 14,
    StreamListpacks = 15,
    HashListpack = 16,
    SortedSetListpack = 17,
    ListQuicklist2 = 18,

    /// <summary>With the first id, the highest deleted one, the number of entries ever added, and what groups have
    /// read.</summary>
    StreamListpacks2 = 19,

    SetListpack = 20,

    /// <summary>With the time at which a consumer last got something.</summary>
    StreamListpacks3 = 21,

    /// <summary>Fields with times, as the releases before 7.4 had it: no time stands in front.</summary>
    HashMetadataBefore74 = 22,

    /// <inheritdoc cref="HashMetadataBefore74"/>
    HashListpackExBefore74 = 23,

    /// <summary>Fields with times, which count from the earliest one.</summary>
    HashMetadata = 24,

    /// <summary>Fields, values and times in a listpack.</summary>
    HashListpackEx = 25,
}
