namespace GuestMemFs.Mutants;

/// <summary>An order in which mutants are judged: by chance, and as many of each room as of the others.</summary>
internal static class Sample
{
    public static IEnumerable<(int Number, Mutation Mutation)> Of((int Number, Mutation Mutation)[] all, int seed)
    {
        Random random = new(seed);
        List<(int Number, Mutation Mutation)[]> rooms = [];
        foreach (var room in all.GroupBy(one => one.Mutation.Room))
        {
            (int Number, Mutation Mutation)[] shuffled = [.. room];
            random.Shuffle(shuffled);
            rooms.Add(shuffled);
        }

        return rooms.SelectMany(room => room.Index()).OrderBy(one => one.Index).Select(one => one.Item);
    }
}
