using System.Text;
using KvStore.Access;
using KvStore.Engine;

namespace KvStore.Commands;

/// <summary>Users from the configuration, and from a file of lines <c>user name rules</c> and back into it.</summary>
internal static class AclFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes the users that the options say. Null, or what is wrong with them.</summary>
    /// <param name="table">The commands there are.</param>
    /// <param name="engine">Whose users they are.</param>
    /// <param name="areHandedOver">True where another process has them all, and only the default one is made.</param>
    public static string? Start(CommandTable table, KvEngine engine, bool areHandedOver)
    {
        AclRules.MakeDefault(table, engine.Users.Default);
        SetDefaultPassword(engine);
        if (areHandedOver)
        {
            return null;
        }

        if (engine.Options.AclFile.Length > 0)
        {
            return Load(table, engine);
        }

        IEnumerable<string> lines = engine.Options.UserLines.Select(line => "user " + line);
        return Read(table, engine, "user", [.. lines]);
    }

    /// <summary>The default user has the password that requirepass says, or none.</summary>
    public static void SetDefaultPassword(KvEngine engine)
    {
        var changed = new AclUser(UserTable.DefaultName);
        changed.TakeFrom(engine.Users.Default);
        changed.ClearPasswords();
        changed.NoPassword = engine.Options.RequirePass.Length == 0;
        if (!changed.NoPassword)
        {
            changed.AddPassword(AclUser.Hash(Encoding.UTF8.GetBytes(engine.Options.RequirePass)));
        }

        engine.Users.Set(changed);
    }

    /// <summary>Takes all users from the file in place of those there are. Null, or what is wrong; nothing is changed
    /// then.</summary>
    public static string? Load(CommandTable table, KvEngine engine)
    {
        string path = engine.Options.AclFile;
        try
        {
            return Read(table, engine, path, File.ReadAllLines(path, Encoding.Latin1));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"Error loading ACLs, opening file '{path}': {e.Message}";
        }
    }

    /// <summary>All users as lines of such a file.</summary>
    public static string[] Lines(KvEngine engine) =>
        [.. engine.Users.All.Select(user => $"user {user.Name} {AclRules.Describe(user)}")];

    /// <summary>Takes users over whom another process's clients have changed. Null, or what is wrong.</summary>
    public static string? Inherit(CommandTable table, KvEngine engine, string[] lines, bool areChanged)
    {
        string? problem = Read(table, engine, "handed over", lines);
        engine.Users.AreChanged = areChanged;
        return problem;
    }

    /// <summary>Writes all users beside the file and puts that in its place. Null, or what failed.</summary>
    public static string? Save(KvEngine engine)
    {
        string path = engine.Options.AclFile;
        string written = $"{path}.tmp-{Environment.ProcessId}";
        try
        {
            using (var file = new FileStream(written, NewFile()))
            {
                foreach (string line in Lines(engine))
                {
                    file.Write(Encoding.Latin1.GetBytes(line + "\n"));
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(written, path, overwrite: true);
            engine.Users.AreChanged = false;
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private static FileStreamOptions NewFile()
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return options;
    }

    private static string? Read(CommandTable table, KvEngine engine, string path, string[] lines)
    {
        Dictionary<string, AclUser> users = new(StringComparer.Ordinal);
        var errors = new StringBuilder();
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }

            string? problem = words.Length < 2 || words[0] != "user"
                ? $"{path}:{i + 1} should start with user keyword followed by the username. "
                : AddUser(table, users, NewUser(engine, words[1]), words[2..]) is { } wrong
                    ? $"{path}:{i + 1}: {wrong}. " : null;
            errors.Append(problem);
        }

        if (errors.Length > 0)
        {
            return $"{errors}WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
        }

        Replace(engine, users);
        engine.Users.AreChanged = false;
        return null;
    }

    private static AclUser NewUser(KvEngine engine, string name) => new(name, engine.Options.AllChannels);

    private static string? AddUser(CommandTable table, Dictionary<string, AclUser> users, AclUser user, string[] rules)
    {
        if (!AclRules.TryApply(table, user, rules, out string error))
        {
            return error.TrimEnd('.');
        }

        return users.TryAdd(user.Name, user) ? null : $"Duplicate user '{user.Name}' found";
    }

    /// <summary>Users who stay keep their connections, with what they may do now; those who go lose them.</summary>
    private static void Replace(KvEngine engine, Dictionary<string, AclUser> users)
    {
        UserTable table = engine.Users;
        foreach (AclUser user in users.Values)
        {
            table.Set(user);
        }

        AclUser[] gone = [.. table.All.Where(user => user != table.Default && !users.ContainsKey(user.Name))];
        foreach (AclUser user in gone)
        {
            _ = table.Remove(user.Name);
            engine.Server.Disconnect(session => session.User == user);
        }
    }
}
