using System.Numerics;
using System.Runtime.InteropServices;

namespace GuestMemFs.Native;

/// <summary>From which NUMA nodes the kernel takes memory: mbind(2), set_mempolicy(2), get_mempolicy(2).</summary>
/// <remarks>No library has these calls (libnuma apart), so they are made by number.</remarks>
internal static unsafe class MemoryPolicy
{
    private const int Bits = NumaNodes.Most;
    private const int Words = Bits / 64;
    private const int OfAddress = 2; // MPOL_F_ADDR

    // arm64 has them in another order: mbind, get, set; x86-64: mbind, set, get.
    private static readonly int s_bind = IsArm ? 235 : 237;
    private static readonly int s_get = IsArm ? 236 : 239;
    private static readonly int s_set = IsArm ? 237 : 238;

    /// <summary>True on arm64, which numbers its calls by another table than x86-64.</summary>
    public static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>Throws where a node is not there: the kernel leaves it out, and says nothing.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="region">Whose it is to be.</param>
    /// <exception cref="NumaNodeException">It is not.</exception>
    public static void RequireNodes(NumaPolicy policy, string region)
    {
        IReadOnlyList<int> there = NumaNodes.WithMemory();
        foreach (int node in policy.Nodes)
        {
            if (!there.Contains(node))
            {
                throw new NumaNodeException(region, policy, there);
            }
        }
    }

    /// <summary>What a mapping takes from here on comes from these nodes; 0 or an errno.</summary>
    public static int Bind(nint address, long length, NumaPolicy policy)
    {
        ulong* mask = stackalloc ulong[Words];
        FillMask(mask, policy.Nodes);
        var range = new Libc.AddressRange(address, (nint)length);
        return Libc.SystemCall(s_bind, range, (nint)policy.Mode, (nint)mask, Bits, 0) == 0 ? 0 : Errno.Last;
    }

    /// <summary>The policy in force at an address, in the kernel's words; null where it does not say.</summary>
    public static NumaPolicy? Read(nint address)
    {
        int mode;
        ulong* mask = stackalloc ulong[Words];
        return Libc.SystemCall(s_get, (nint)(&mode), (nint)mask, Bits, address, OfAddress) == 0
            ? NumaPolicy.Of((NumaMode)(mode & 0xFF), ReadMask(mask))
            : null;
    }

    /// <summary>What this thread takes comes from the policy's nodes until the scope ends; null for as ever.</summary>
    public static Scope Enter(NumaPolicy? policy) => new(policy);

    private static void FillMask(ulong* mask, IReadOnlyList<int> nodes)
    {
        new Span<ulong>(mask, Words).Clear();
        foreach (int node in nodes)
        {
            mask[node / 64] |= 1UL << (node % 64);
        }
    }

    private static List<int> ReadMask(ulong* mask)
    {
        var nodes = new List<int>();
        for (int word = 0; word < Words; word++)
        {
            for (ulong rest = mask[word]; rest != 0; rest &= rest - 1)
            {
                nodes.Add((word * 64) + BitOperations.TrailingZeroCount(rest));
            }
        }

        return nodes;
    }

    /// <summary>
    /// A thread's policy, and the way back: files get their memory (fallocate) before they are mapped, by the policy of
    /// the thread that asks.
    /// </summary>
    public ref struct Scope
    {
        private fixed ulong _before[Words];
        private readonly int _mode;
        private readonly bool _changed;

        public Scope(NumaPolicy? policy)
        {
            if (policy is null)
            {
                return;
            }

            int mode;
            fixed (ulong* before = _before)
            {
                _changed = Libc.SystemCall(s_get, (nint)(&mode), (nint)before, Bits, 0, 0) == 0;
            }

            _mode = mode;
            ulong* mask = stackalloc ulong[Words];
            FillMask(mask, policy.Nodes);
            _changed = _changed && Libc.SystemCall(s_set, (nint)policy.Mode, (nint)mask, Bits, 0, 0) == 0;
        }

        public readonly void Dispose()
        {
            if (_changed)
            {
                fixed (ulong* before = _before)
                {
                    _ = Libc.SystemCall(s_set, _mode, (nint)before, Bits, 0, 0);
                }
            }
        }
    }
}
