using System.Globalization;
using System.Runtime.InteropServices;

namespace GuestMemFs.Native;

/// <summary>
/// Users and groups by name and number, as the name service has them (getpwnam_r(3)); dynamic ones too.
/// </summary>
internal static unsafe partial class UserAccount
{
    private const int BufferBytes = 16 << 10; // an account's strings
    private const int MaximumGroupBytes = 16 << 20; // a group's: the names of all members are among them

    /// <summary>The number of a user, given by name or as a number; null where there is none.</summary>
    public static uint? Find(string name)
    {
        if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint number))
        {
            return number;
        }

        Passwd account;
        Passwd* found = null;
        fixed (byte* buffer = new byte[BufferBytes])
        {
            return GetPwNam(name, &account, buffer, BufferBytes, &found) == 0 && found is not null
                ? account.UserId
                : null;
        }
    }

    /// <summary>The user for people: name and number, or the number alone.</summary>
    public static string Describe(uint user)
    {
        Passwd account;
        Passwd* found = null;
        fixed (byte* buffer = new byte[BufferBytes])
        {
            return GetPwUid(user, &account, buffer, BufferBytes, &found) == 0 && found is not null
                ? string.Create(CultureInfo.InvariantCulture, $"{Marshal.PtrToStringUTF8((nint)account.Name)} ({user})")
                : user.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>The number of a group, given by name or as a number; null where there is none.</summary>
    public static uint? FindGroup(string name)
    {
        if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint number))
        {
            return number;
        }

        for (int length = BufferBytes; ; length *= 4)
        {
            GroupEntry account;
            GroupEntry* found = null;
            fixed (byte* buffer = new byte[length])
            {
                int error = GetGrNam(name, &account, buffer, (nuint)length, &found);
                if (error != Errno.ERANGE || length >= MaximumGroupBytes)
                {
                    return error == 0 && found is not null ? account.GroupId : null;
                }
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "getgrnam_r", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int GetGrNam(
        string name, GroupEntry* account, byte* buffer, nuint length, GroupEntry** result);

    [LibraryImport("libc", EntryPoint = "getpwnam_r", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int GetPwNam(string name, Passwd* account, byte* buffer, nuint length, Passwd** result);

    [LibraryImport("libc", EntryPoint = "getpwuid_r", SetLastError = true)]
    private static partial int GetPwUid(uint user, Passwd* account, byte* buffer, nuint length, Passwd** result);

    /// <summary><c>struct group</c> of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 32)]
    private struct GroupEntry
    {
        [FieldOffset(0)] public byte* Name;
        [FieldOffset(16)] public uint GroupId;
    }

    /// <summary><c>struct passwd</c> of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 48)]
    private struct Passwd
    {
        [FieldOffset(0)] public byte* Name;
        [FieldOffset(16)] public uint UserId;
    }
}
