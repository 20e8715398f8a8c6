using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace GuestMemFs.KernelLab.Guest;

/// <summary>What a check says where it fails; where it does not, none of the text is made.</summary>
[InterpolatedStringHandler]
internal ref struct CheckText
{
    private StringBuilder.AppendInterpolatedStringHandler _handler;
    private readonly StringBuilder? _text;

    public CheckText(int literalLength, int formattedCount, bool condition, out bool isNeeded)
    {
        isNeeded = !condition;
        if (isNeeded)
        {
            _text = new StringBuilder();
            _handler = new(literalLength, formattedCount, _text, CultureInfo.InvariantCulture);
        }
    }

    public void AppendLiteral(string text) => _handler.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _handler.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _handler.AppendFormatted(value, format);

    public override readonly string ToString() => $"{_text}";
}
