using GuestMemFs.Holding.Native;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding;

/// <summary>
/// This process as the holder: for tests, and for programs that open and close an arena and mean to find it again. What
/// it holds ends with the process, or with this object.
/// </summary>
/// <remarks>Thread-safe. Media that are made of it do not dispose of it: <see cref="Release"/> does.</remarks>
public sealed class ProcessHolder(string store) : DescriptorHolder
{
    private readonly Dictionary<string, SafeFileHandle> _held = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override string Location => $"process {Environment.ProcessId} ({store})";

    /// <inheritdoc/>
    public override Survives Survives => Survives.Nothing;

    /// <inheritdoc/>
    public override string EmptyReason =>
        $"This process itself holds the memory: what one before it had, ended with that one.";

    /// <inheritdoc/>
    public override IReadOnlyList<HeldDescriptor> Take()
    {
        lock (_held)
        {
            return [.. _held.Select(file => new HeldDescriptor(file.Key, DescriptorMessages.Duplicate(file.Value)))];
        }
    }

    /// <inheritdoc/>
    public override void Put(string name, SafeFileHandle descriptor)
    {
        lock (_held)
        {
            _held.Add(name, DescriptorMessages.Duplicate(descriptor));
        }
    }

    /// <inheritdoc/>
    public override void Drop(string name)
    {
        lock (_held)
        {
            if (_held.Remove(name, out SafeFileHandle? file))
            {
                file.Dispose();
            }
        }
    }

    /// <summary>Lets go of everything.</summary>
    public void Release()
    {
        lock (_held)
        {
            foreach (SafeFileHandle file in _held.Values)
            {
                file.Dispose();
            }

            _held.Clear();
        }
    }
}
