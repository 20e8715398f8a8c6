using GuestMemFs.Media;
using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Tests;

/// <summary>A holder in this process: what it has, outlives the media that are made of it.</summary>
internal sealed class HolderDouble : DescriptorHolder
{
    private readonly Dictionary<string, SafeFileHandle> _held = new(StringComparer.Ordinal);

    public override string Location => "holder:test";

    public override Survives Survives => Survives.ProcessExit;

    public override string EmptyReason => "The test's holder was made just now.";

    /// <summary>Refuses the next put.</summary>
    public bool Full { get; set; }

    public IReadOnlyCollection<string> Names => _held.Keys;

    /// <summary>Gives another name to each: what comes back after a kexec may be called anything.</summary>
    public void Rename()
    {
        KeyValuePair<string, SafeFileHandle>[] held = [.. _held];
        _held.Clear();
        for (int i = 0; i < held.Length; i++)
        {
            _held.Add($"token-{i}", held[i].Value);
        }
    }

    public override IReadOnlyList<HeldDescriptor> Take() =>
        [.. _held.Select(file => new HeldDescriptor(file.Key, Again(file.Value)))];

    public override void Put(string name, SafeFileHandle descriptor)
    {
        if (Full)
        {
            throw new MediumException(MediumErrorKind.NoSpace, "hold", name, 0, "The holder is full.");
        }

        _held.Add(name, Again(descriptor));
    }

    public override void Drop(string name)
    {
        if (_held.Remove(name, out SafeFileHandle? file))
        {
            file.Dispose();
        }
    }

    private static SafeFileHandle Again(SafeFileHandle file) => MemfdMedium.OpenAgain(file, "test", writable: true);
}
