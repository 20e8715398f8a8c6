using System.Globalization;
using System.Text;

namespace GuestMemFs.Architecture;

/// <summary>
/// Draws a project's matrix: which room uses which, in files that use another. What stands right of the diagonal is
/// against the order.
/// </summary>
internal static class Drawing
{
    private const int Cell = 44;
    private const int Margin = 150;
    private const int Top = 120;

    public static void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach ((string project, IReadOnlyList<string> rooms) in Rooms.ByProject)
        {
            string name = project.Replace('/', '-').ToLowerInvariant();
            File.WriteAllText(Path.Combine(folder, $"rooms-{name}.svg"), Matrix(project, rooms));
        }
    }

    private static string Matrix(string project, IReadOnlyList<string> rooms)
    {
        var counts = House.Arrows.Where(arrow => Project.Of(arrow.From).Folder == project)
            .Select(arrow => (arrow.From, arrow.FromFolder, arrow.To, arrow.ToFolder)).Distinct()
            .GroupBy(arrow => (arrow.FromFolder, arrow.ToFolder)).ToDictionary(group => group.Key,
                group => group.Count());
        int side = rooms.Count * Cell;
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Margin + side + 20}\" height=\"{Top + side + 20}\" font-family=\"sans-serif\" font-size=\"13\">\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
        svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"10\" y=\"20\">{project}: rows use columns (files to files)</text>\n");
        for (int row = 0; row < rooms.Count; row++)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<text x=\"{Margin - 8}\" y=\"{Top + (row * Cell) + 27}\" " +
                $"text-anchor=\"end\">{Short(project, rooms[row])}</text>\n");
            svg.Append(CultureInfo.InvariantCulture,
                $"<text transform=\"translate({Margin + (row * Cell) + 27},{Top - 8}) " +
                $"rotate(-60)\">{Short(project, rooms[row])}</text>\n");
            for (int column = 0; column < rooms.Count; column++)
            {
                int count = counts.GetValueOrDefault((rooms[row], rooms[column]));
                string fill = row == column ? "#ddd" : count == 0 ? "#f7f7f7" : column > row ? "#e66" : "#9cc3e6";
                svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{Margin + (column * Cell)}\" " +
                    $"y=\"{Top + (row * Cell)}\" width=\"{Cell - 2}\" height=\"{Cell - 2}\" fill=\"{fill}\"/>");
                svg.Append(count == 0 ? "\n" : string.Create(CultureInfo.InvariantCulture,
                    $"<text x=\"{Margin + (column * Cell) + 21}\" y=\"{Top + (row * Cell) + 26}\" " +
                    $"text-anchor=\"middle\">{count}</text>\n"));
            }
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static string Short(string project, string room) => room == project ? "." : room[(project.Length + 1)..];
}
