using System.Runtime.InteropServices;
using System.Text;

namespace KvStore.Transport;

/// <summary>Lines for the operator. Needs no descriptor but its own, which is there already.</summary>
/// <remarks><see cref="Console.Error"/> opens one when it is first used. At the limit of descriptors that is an
/// exception inside the handler of an exception, and the end of the process.</remarks>
internal static partial class StandardError
{
    private const int Descriptor = 2;

    public static void WriteLine(string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line + "\n");
        int at = 0;
        while (at < bytes.Length)
        {
            nint written = Write(Descriptor, ref bytes[at], bytes.Length - at);
            if (written <= 0)
            {
                return; // nobody reads it
            }

            at += (int)written;
        }
    }

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, ref byte bytes, nint length);
}
