using GuestMemFs;
using KvStore.Engine;
using KvStore.Protocol;
using KvStore.Session;

namespace KvStore.Commands;

/// <summary>Runs a command. The engine's gate is held; replies go to <see cref="Call.Reply"/>.</summary>
internal delegate void CommandHandler(in Call call);

/// <summary>One command being run: its arguments, who sent it, and what it works on.</summary>
internal readonly ref struct Call(Command command, Arguments args, ClientSession session, KvEngine engine)
{
    public Command Command { get; } = command;

    /// <summary>All commands there are.</summary>
    public CommandTable Table => Command.Table;

    public Arguments Args { get; } = args;

    public ClientSession Session { get; } = session;

    public KvEngine Engine { get; } = engine;

    public RespWriter Reply => Session.Reply;

    public PersistentDictionary Keys => Engine.Keys;

    /// <summary>The first argument, which is the key of most commands.</summary>
    public ReadOnlySpan<byte> Key => Args[1];

    /// <summary>Tells those who watch the key that it changed. After the change.</summary>
    public void Changed(ReadOnlySpan<byte> key)
    {
        Touched(key);
        if (Engine.Options.KeyEvents != KeyEvents.Nothing)
        {
            Engine.Notify(Command.EventKind, Command.Event, key);
        }
    }

    /// <summary>The same, where the event is not the command's.</summary>
    public void Changed(ReadOnlySpan<byte> key, KeyEvents kind, string name)
    {
        Touched(key);
        Published(key, kind, name);
    }

    /// <summary>One more event of a change that has been told of.</summary>
    public void Published(ReadOnlySpan<byte> key, KeyEvents kind, string name)
    {
        if (Engine.Options.KeyEvents != KeyEvents.Nothing)
        {
            Engine.Notify(kind, name, key);
        }
    }

    /// <summary>Tells them where no event is published of it.</summary>
    public void Touched(ReadOnlySpan<byte> key)
    {
        Engine.Statistics.Changes++;
        Engine.Usage?.Touch(Engine.Databases.Selected, key);
        if (Engine.Replicates)
        {
            Engine.Feed.Touched.Add(key.ToArray());
        }

        if (Engine.Onlookers.Any)
        {
            Engine.Touch(key);
        }
    }

    /// <summary>Reads an integer argument, or replies that it is none.</summary>
    public bool TryInteger(int index, out long value)
    {
        if (Numbers.TryParse(Args[index], out value))
        {
            return true;
        }

        Reply.Error(Errors.NotAnInteger);
        return false;
    }

    /// <summary>Reads the number of a database and makes what is not there, or replies why it cannot be.</summary>
    public bool TryDatabase(int index, out Database? database)
    {
        database = null;
        if (!TryInteger(index, out long number))
        {
            return false;
        }

        if (number is < int.MinValue or > int.MaxValue)
        {
            Reply.Error(Errors.NotAnInt);
            return false;
        }

        if (number < 0 || number >= Engine.Options.Databases)
        {
            Reply.Error(Errors.DatabaseIndex);
            return false;
        }

        database = Engine.Databases.Find((int)number);
        if (database is null && (Engine.IsReadOnly || Engine.InGroup))
        {
            Reply.Error(Engine.IsReadOnly ? Errors.ReadOnly : Errors.DatabaseIsNew);
            return false;
        }

        database ??= Engine.Databases.Make((int)number);
        return true;
    }

    /// <summary>Counts a read of the first key for the statistics.</summary>
    public void Looked(bool found) => Looked(found, Key);

    /// <summary>Counts a read of a key for the statistics.</summary>
    public void Looked(bool found, ReadOnlySpan<byte> key)
    {
        if (found)
        {
            Engine.Statistics.Hits++;
            if (Engine.Usage is { } usage && !Command.Has(CommandFlags.NoTouch) && !Session.NoTouch)
            {
                usage.Touch(Engine.Databases.Selected, key);
            }

            return;
        }

        Engine.Statistics.Misses++;
        if (!Engine.RemovesExpired)
        {
            Engine.Missed.Note(Engine.Databases.Selected.Number, key);
        }

        Published(key, KeyEvents.Missed, "keymiss");
    }
}
