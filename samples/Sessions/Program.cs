// Sessions over restarts: log in, kill the process, start it again, and the token is still good.
//
//   dotnet run -c Release --project samples/Sessions -- /dev/shm/sessions 60
//   login alice
//   who TOKEN
//   logout TOKEN
using System.Globalization;

double idleSeconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 1800;
using var sessions = new SessionStore(args[0], TimeSpan.FromSeconds(idleSeconds));
Console.WriteLine($"{sessions.Count} sessions");
while (Console.ReadLine() is { Length: > 0 } line)
{
    string[] words = line.Split(' ', 2);
    Console.WriteLine(words switch
    {
        ["login", var user] => sessions.Begin(user),
        ["who", var token] => sessions.Find(token) ?? "nobody",
        ["logout", var token] => sessions.End(token) ? "bye" : "nobody",
        ["sweep"] => $"{sessions.RemoveOver()} were over",
        _ => "login USER, who TOKEN, logout TOKEN, sweep",
    });
}
