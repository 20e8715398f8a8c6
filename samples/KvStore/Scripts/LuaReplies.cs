using System.Globalization;
using System.Text;
using KeraLua;
using KvStore.Protocol;

namespace KvStore.Scripts;

/// <summary>Replies as values of Lua, and values of Lua as replies.</summary>
internal static class LuaReplies
{
    /// <summary>Redis has the same limit by its stack.</summary>
    private const int MostNested = 1000;

    private static readonly byte[] s_ok = "ok"u8.ToArray();
    private static readonly byte[] s_err = "err"u8.ToArray();
    private static readonly byte[] s_counted = "ignore_error_stats_update"u8.ToArray(); // Redis's name
    private static readonly byte[] s_double = "double"u8.ToArray();
    private static readonly byte[] s_map = "map"u8.ToArray();
    private static readonly byte[] s_set = "set"u8.ToArray();
    private static readonly byte[] s_big = "big_number"u8.ToArray();
    private static readonly byte[] s_verbatim = "verbatim_string"u8.ToArray();
    private static readonly byte[] s_string = "string"u8.ToArray();
    private static readonly byte[] s_format = "format"u8.ToArray();

    /// <summary>Pushes a reply's value; false where it is an error, whose table is pushed.</summary>
    public static bool Push(Lua lua, ref ReadOnlySpan<byte> reply)
    {
        lua.CheckStack(8);
        byte kind = reply[0];
        int end = reply.IndexOf("\r\n"u8);
        ReadOnlySpan<byte> line = reply[1..end];
        reply = reply[(end + 2)..];
        if (kind == (byte)'|')
        {
            return PushBehindAttributes(lua, line, ref reply);
        }

        switch (kind)
        {
            case (byte)':':
                _ = Numbers.TryParse(line, out long integer);
                lua.PushInteger(integer);
                break;
            case (byte)'$' or (byte)'=':
                PushBulk(lua, kind, line, ref reply);
                break;
            case (byte)'*' or (byte)'~' or (byte)'%' or (byte)'>':
                PushAggregate(lua, kind, line, ref reply);
                break;
            case (byte)'_':
                lua.PushNil();
                break;
            case (byte)'#':
                lua.PushBoolean(line is [(byte)'t']);
                break;
            case (byte)',':
                PushDouble(lua, line);
                break;
            default:
                PushField(lua, kind == (byte)'-' ? s_err : kind == (byte)'(' ? s_big : s_ok, line);
                if (kind == (byte)'-')
                {
                    lua.PushBuffer(s_counted);
                    lua.PushBoolean(true);
                    lua.RawSet(-3);
                }

                break;
        }

        return kind != (byte)'-';
    }

    /// <summary>Attributes are not shown to scripts.</summary>
    private static bool PushBehindAttributes(Lua lua, ReadOnlySpan<byte> line, ref ReadOnlySpan<byte> reply)
    {
        _ = Numbers.TryParse(line, out long pairs);
        for (long i = 0; i < 2 * pairs; i++)
        {
            Push(lua, ref reply);
            lua.Pop(1);
        }

        return Push(lua, ref reply);
    }

    /// <summary>Replies the value at the top of the stack, and takes it off.</summary>
    /// <param name="lua">Whose stack.</param>
    /// <param name="reply">Where to.</param>
    /// <param name="knowsBooleans">True after redis.setresp(3).</param>
    /// <param name="depth">How many tables it is in.</param>
    public static void Write(Lua lua, RespWriter reply, bool knowsBooleans, int depth = 0)
    {
        switch (lua.Type(-1))
        {
            case LuaType.String:
                reply.Bulk(lua.ToBuffer(-1));
                break;
            case LuaType.Number:
                reply.Integer(lua.IsInteger(-1) ? lua.ToInteger(-1) : Truncate(lua.ToNumber(-1)));
                break;
            case LuaType.Boolean:
                WriteBoolean(reply, lua.ToBoolean(-1), knowsBooleans);
                break;
            case LuaType.Table when depth >= MostNested:
                reply.Error("ERR reached lua stack limit"u8);
                break;
            case LuaType.Table:
                lua.CheckStack(8);
                WriteTable(lua, reply, knowsBooleans, depth + 1);
                break;
            default:
                reply.Null();
                break;
        }

        lua.Pop(1);
    }

    /// <summary>A field of the table at the top as text; null where it is none.</summary>
    public static string? Text(Lua lua, byte[] name)
    {
        string? text = null;
        if (Field(lua, name) is LuaType.String or LuaType.Number)
        {
            text = Encoding.Latin1.GetString(lua.ToBuffer(-1));
        }

        lua.Pop(1);
        return text;
    }

    /// <summary>Replies an error whose table is at the top: one of a command was counted there.</summary>
    public static void WriteError(Lua lua, RespWriter reply, string error)
    {
        bool isCounted = Field(lua, s_counted) == LuaType.Boolean && lua.ToBoolean(-1);
        lua.Pop(1);
        if (isCounted)
        {
            reply.UncountedError(Encoding.Latin1.GetBytes(error));
        }
        else
        {
            reply.Error(error);
        }
    }

    private static void PushBulk(Lua lua, byte kind, ReadOnlySpan<byte> line, ref ReadOnlySpan<byte> reply)
    {
        _ = Numbers.TryParse(line, out long length);
        if (length < 0)
        {
            lua.PushBoolean(false);
            return;
        }

        ReadOnlySpan<byte> bytes = reply[..(int)length];
        reply = reply[((int)length + 2)..];
        if (kind == (byte)'$')
        {
            lua.PushBuffer(bytes.ToArray());
            return;
        }

        lua.CreateTable(0, 1);
        lua.PushBuffer(s_verbatim);
        PushField(lua, s_format, bytes[..3]);
        lua.PushBuffer(s_string);
        lua.PushBuffer(bytes[4..].ToArray());
        lua.RawSet(-3);
        lua.RawSet(-3);
    }

    private static void PushAggregate(Lua lua, byte kind, ReadOnlySpan<byte> line, ref ReadOnlySpan<byte> reply)
    {
        _ = Numbers.TryParse(line, out long count);
        if (count < 0)
        {
            lua.PushBoolean(false);
            return;
        }

        if (kind is (byte)'*' or (byte)'>')
        {
            lua.CreateTable((int)count, 0);
            for (int i = 1; i <= count; i++)
            {
                Push(lua, ref reply);
                lua.RawSetInteger(-2, i);
            }

            return;
        }

        lua.CreateTable(0, 1);
        lua.PushBuffer(kind == (byte)'%' ? s_map : s_set);
        lua.CreateTable(0, (int)count);
        for (int i = 0; i < count; i++)
        {
            Push(lua, ref reply);
            if (kind == (byte)'%')
            {
                Push(lua, ref reply);
            }
            else
            {
                lua.PushBoolean(true);
            }

            lua.RawSet(-3);
        }

        lua.RawSet(-3);
    }

    /// <summary>Pushes a table with one field.</summary>
    private static void PushField(Lua lua, byte[] name, ReadOnlySpan<byte> text)
    {
        lua.CreateTable(0, 1);
        lua.PushBuffer(name);
        lua.PushBuffer(text.ToArray());
        lua.RawSet(-3);
    }

    private static void PushDouble(Lua lua, ReadOnlySpan<byte> text)
    {
        lua.CreateTable(0, 1);
        lua.PushBuffer(s_double);
        lua.PushNumber(text switch
        {
            [(byte)'i', ..] => double.PositiveInfinity,
            [(byte)'-', (byte)'i', ..] => double.NegativeInfinity,
            _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
        });
        lua.RawSet(-3);
    }

    private static void WriteBoolean(RespWriter reply, bool value, bool knowsBooleans)
    {
        if (knowsBooleans && reply.Resp3)
        {
            reply.Raw(value ? "#t\r\n"u8 : "#f\r\n"u8);
        }
        else if (value || knowsBooleans)
        {
            reply.Integer(value ? 1 : 0);
        }
        else
        {
            reply.Null();
        }
    }

    private static void WriteTable(Lua lua, RespWriter reply, bool knowsBooleans, int depth)
    {
        if (Text(lua, s_err) is { } error)
        {
            WriteError(lua, reply, error);
        }
        else if (Text(lua, s_ok) is { } ok)
        {
            reply.Simple(Encoding.Latin1.GetBytes(OnOneLine(ok)));
        }
        else if (Text(lua, s_big) is { } big)
        {
            WriteBigNumber(reply, big);
        }
        else if (Field(lua, s_double) == LuaType.Number)
        {
            WriteDouble(reply, lua.ToNumber(-1));
            lua.Pop(1);
        }
        else if (PopThen(lua) && Field(lua, s_map) == LuaType.Table)
        {
            WritePairs(lua, reply, knowsBooleans, depth, isMap: true);
            lua.Pop(1);
        }
        else if (PopThen(lua) && Field(lua, s_set) == LuaType.Table)
        {
            WritePairs(lua, reply, knowsBooleans, depth, isMap: false);
            lua.Pop(1);
        }
        else if (PopThen(lua) && Field(lua, s_verbatim) == LuaType.Table)
        {
            reply.Verbatim(Text(lua, s_format) ?? "txt", Encoding.Latin1.GetBytes(Text(lua, s_string) ?? ""));
            lua.Pop(1);
        }
        else
        {
            lua.Pop(1);
            WriteList(lua, reply, knowsBooleans, depth);
        }
    }

    private static bool PopThen(Lua lua)
    {
        lua.Pop(1);
        return true;
    }

    private static void WriteDouble(RespWriter reply, double value)
    {
        string text = double.IsInfinity(value) ? (value > 0 ? "inf" : "-inf") : LuaNumbers.Show(value);
        if (reply.Resp3)
        {
            reply.Raw(Encoding.ASCII.GetBytes($",{text}\r\n"));
        }
        else
        {
            reply.Bulk(text);
        }
    }

    private static void WriteBigNumber(RespWriter reply, string digits)
    {
        if (reply.Resp3)
        {
            reply.Raw(Encoding.Latin1.GetBytes($"({OnOneLine(digits)}\r\n"));
        }
        else
        {
            reply.Bulk(Encoding.Latin1.GetBytes(OnOneLine(digits)));
        }
    }

    /// <summary>Each byte that would end a line is a space.</summary>
    private static string OnOneLine(string text) => text.Replace('\r', ' ').Replace('\n', ' ');

    private static void WritePairs(Lua lua, RespWriter reply, bool knowsBooleans, int depth, bool isMap)
    {
        int count = 0;
        for (lua.PushNil(); lua.Next(-2); lua.Pop(1))
        {
            count++;
        }

        if (isMap)
        {
            reply.Map(count);
        }
        else
        {
            reply.Set(count);
        }

        lua.PushNil();
        while (lua.Next(-2))
        {
            lua.PushCopy(-2);
            Write(lua, reply, knowsBooleans, depth);
            if (isMap)
            {
                Write(lua, reply, knowsBooleans, depth);
            }
            else
            {
                lua.Pop(1);
            }
        }
    }

    private static void WriteList(Lua lua, RespWriter reply, bool knowsBooleans, int depth)
    {
        int count = 0;
        while (lua.RawGetInteger(-1, count + 1) != LuaType.Nil)
        {
            lua.Pop(1);
            count++;
        }

        lua.Pop(1);
        reply.Array(count);
        for (int i = 1; i <= count; i++)
        {
            lua.RawGetInteger(-1, i);
            Write(lua, reply, knowsBooleans, depth);
        }
    }

    private static LuaType Field(Lua lua, byte[] name)
    {
        lua.PushBuffer(name);
        return lua.RawGet(-2);
    }

    private static long Truncate(double value) =>
        double.IsNaN(value) ? long.MinValue
        : value >= long.MaxValue ? long.MaxValue
        : value <= long.MinValue ? long.MinValue
        : (long)value;
}
