namespace KvStore.Commands;

/// <summary>Where a search looks: a circle or a box around a point, and the cells of the map that cover it.</summary>
internal struct GeoShape
{
    private const double EarthRadius = 6372797.560856; // metres, Redis's figure
    private const double HalfMap = 20037726.37; // metres from the middle of the map to its edge
    private const double RadiansOfDegree = Math.PI / 180;

    public GeoPoint Center { get; set; }

    public bool IsBox { get; set; }

    /// <summary>Of a circle, in units; of a box 0.</summary>
    public double Radius { get; set; }

    /// <summary>Of a box, in units.</summary>
    public double Width { get; set; }

    /// <inheritdoc cref="Width"/>
    public double Height { get; set; }

    /// <summary>Metres of a unit.</summary>
    public double UnitMetres { get; set; }

    /// <summary>Metres between two points on a ball: the haversine formula.</summary>
    public static double Distance(GeoPoint a, GeoPoint b)
    {
        double latitudeA = a.Latitude * RadiansOfDegree;
        double latitudeB = b.Latitude * RadiansOfDegree;
        double u = Math.Sin((latitudeB - latitudeA) / 2);
        double v = Math.Sin(((b.Longitude * RadiansOfDegree) - (a.Longitude * RadiansOfDegree)) / 2);
        return 2.0 * EarthRadius
            * Math.Asin(Math.Sqrt((u * u) + (Math.Cos(latitudeA) * Math.Cos(latitudeB) * v * v)));
    }

    /// <summary>True where a point is in it, which is so many metres from its middle.</summary>
    public readonly bool Contains(GeoPoint point, out double metres)
    {
        metres = 0;
        if (IsBox)
        {
            double across = Distance(point, point with { Longitude = Center.Longitude });
            double along = Distance(point, point with { Latitude = Center.Latitude });
            if (across > Width * UnitMetres / 2 || along > Height * UnitMetres / 2)
            {
                return false;
            }
        }

        metres = Distance(Center, point);
        return IsBox || !(metres > Radius * UnitMetres);
    }

    /// <summary>
    /// The cells to look through, in the order in which Redis does: that of the middle, north, south, east, west, and
    /// the corners. None twice.
    /// </summary>
    public readonly List<GeoCell> Cells()
    {
        GeoArea bounds = Bounds();
        int steps = Steps(RadiusMetres());
        if (steps > 1 && IsTooFine(GeoCell.Of(Center, steps), bounds))
        {
            steps--;
        }

        GeoCell middle = GeoCell.Of(Center, steps);
        GeoArea area = middle.Area();

        // A neighbour is of no use on a side where the middle's cell reaches farther than the search.
        bool prunes = steps >= 2;
        bool south = !(prunes && area.South < bounds.South);
        bool north = !(prunes && area.North > bounds.North);
        bool west = !(prunes && area.West < bounds.West);
        bool east = !(prunes && area.East > bounds.East);

        List<GeoCell> cells = [middle];
        Add(cells, north, middle.Neighbour(0, 1));
        Add(cells, south, middle.Neighbour(0, -1));
        Add(cells, east, middle.Neighbour(1, 0));
        Add(cells, west, middle.Neighbour(-1, 0));
        Add(cells, north && east, middle.Neighbour(1, 1));
        Add(cells, north && west, middle.Neighbour(-1, 1));
        Add(cells, south && east, middle.Neighbour(1, -1));
        Add(cells, south && west, middle.Neighbour(-1, -1));
        return cells;
    }

    // In cells of half the earth two neighbours are the same one; these come one behind the other.
    private static void Add(List<GeoCell> cells, bool isOfUse, GeoCell cell)
    {
        if (isOfUse && (cells.Count == 1 || cells[^1] != cell))
        {
            cells.Add(cell);
        }
    }

    /// <summary>True where a neighbour ends before the search does.</summary>
    private static bool IsTooFine(GeoCell cell, GeoArea bounds) =>
        cell.Neighbour(0, 1).Area().North < bounds.North
        || cell.Neighbour(0, -1).Area().South > bounds.South
        || cell.Neighbour(1, 0).Area().East < bounds.East
        || cell.Neighbour(-1, 0).Area().West > bounds.West;

    /// <summary>The degrees that it lies between.</summary>
    private readonly GeoArea Bounds()
    {
        double height = UnitMetres * (IsBox ? Height / 2 : Radius);
        double width = UnitMetres * (IsBox ? Width / 2 : Radius);
        double up = height / EarthRadius / RadiansOfDegree;

        // Degrees of longitude are shortest on the side of the nearer pole.
        double nearest = Center.Latitude < 0 ? Center.Latitude - up : Center.Latitude + up;
        double aside = width / EarthRadius / Math.Cos(nearest * RadiansOfDegree) / RadiansOfDegree;
        return new GeoArea(
            Center.Longitude - aside, Center.Latitude - up, Center.Longitude + aside, Center.Latitude + up);
    }

    private readonly double RadiusMetres() => UnitMetres
        * (IsBox ? Math.Sqrt((Width / 2 * (Width / 2)) + (Height / 2 * (Height / 2))) : Radius);

    /// <summary>How fine the cells may be, so that the middle and its neighbours cover the radius.</summary>
    private readonly int Steps(double metres)
    {
        if (metres == 0)
        {
            return GeoCell.MaximumSteps;
        }

        int steps = 1;
        for (; metres < HalfMap; metres *= 2)
        {
            steps++;
        }

        // Two less to be sure, and fewer still near the poles, where cells are narrow.
        double fromEquator = Math.Abs(Center.Latitude);
        steps -= 2 + (fromEquator > 66 ? 1 : 0) + (fromEquator > 80 ? 1 : 0);
        return Math.Clamp(steps, 1, GeoCell.MaximumSteps);
    }
}
