using GuestMemFs.HotPaths;

switch (args)
{
    case ["server", .. string[] options]:
        // It ends with the process that started it.
        new Thread(() =>
        {
            Console.In.ReadToEnd();
            Environment.FailFast("standard input was closed");
        }) { IsBackground = true }.Start();
        return KvStore.Server.ServerMain.Run(options);
    case ["dictionary", string directory, string keys]:
        return DictionaryWorker.Serve(directory, int.Parse(keys, null));
    case ["compare", string before, string after, string place, .. string[] options]:
        return new Comparison(before, after, place, ComparisonOptions.Parse(options)).Run(Console.Out);
    case ["instructions", string before, string after, string place, .. string[] names]:
        return new InstructionCounts(before, after, place, names).Run(Console.Out);
    default:
        Console.Error.WriteLine("Run by benchmarks/compare.");
        return 2;
}
