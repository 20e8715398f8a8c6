using System.Text;

namespace GuestMemFs.KernelLab.Image;

/// <summary>Our module built otherwise than it is: with a place made wrong, or with a compiler's flag.</summary>
/// <param name="Name">Without spaces.</param>
/// <param name="File">The source that is changed; empty for none.</param>
/// <param name="Right">What stands there, once.</param>
/// <param name="Wrong">What stands there instead.</param>
/// <param name="Flags">For the compiler.</param>
internal sealed record ModuleVariant(
    string Name, string File = "", string Right = "", string Wrong = "", string Flags = "")
{
    /// <summary>
    /// A source's content as it is compiled. Throws where what is to be changed is not there, or there twice.
    /// </summary>
    public byte[] Apply(string file, byte[] content)
    {
        if (file != File)
        {
            return content;
        }

        string text = Encoding.UTF8.GetString(content);
        return text.Split(Right).Length == 2
            ? Encoding.UTF8.GetBytes(text.Replace(Right, Wrong, StringComparison.Ordinal))
            : throw new InvalidOperationException($"{Name}: {File} does not have this once: {Right}");
    }
}
