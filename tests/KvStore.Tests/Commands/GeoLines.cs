using System.Globalization;

namespace KvStore.Tests.Commands;

/// <summary>Lines of <see cref="CommandLines"/> about places on the earth.</summary>
internal static class GeoLines
{
    public const string Text = """
        # geo
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
        GEOADD g 13.361389 38.115556 Palermo
        GEOADD g CH 13.4 38.2 Palermo
        GEOADD g NX CH 1 2 Palermo
        GEOADD g XX CH 1 2 Nowhere
        GEOADD g nx xx 1 2 a
        GEOADD g GT 1 2 a
        GEOADD g INCR 1 2 a
        GEOADD g CH CH CH
        GEOADD g NX XX CH CH
        GEOADD g 1 2
        GEOADD g 1 2 a 3
        GEOADD g 1 2 a 3 b 4
        GEOADD g 1 abc a
        GEOADD g nan 1 a
        GEOADD g inf 1 a
        GEOADD g 1 -inf a
        GEOADD g 180.0001 1 a
        GEOADD g 1 85.0512 a
        GEOADD g 1 1 a 1e300 0 b
        EXISTS g
        ZRANGE g 0 -1 WITHSCORES
        GEOADD edge 180 85.05112878 ne -180 -85.05112878 sw 180 -85.05112878 se -180 85.05112878 nw 0 0 zero
        GEOADD edge -0.0 -0.0 minus 179.999999 0 east -179.999999 0 west
        ZRANGE edge 0 -1 WITHSCORES
        GEOPOS edge ne sw se nw zero minus east west absent
        GEOHASH edge ne sw se nw zero minus east west absent
        GEOPOS g Palermo Catania absent
        GEOPOS g
        GEOPOS absent a b
        GEOHASH g Palermo Catania absent
        GEOHASH g
        GEOHASH absent a b
        ZADD odd -1 a 0.5 b 1e300 c -1e300 d inf e -inf f 9223372036854775808 g 18446744073709551615 h
        GEOPOS odd a b c d e f g h
        GEOHASH odd a b c d e f g h
        GEODIST odd a b
        GEODIST odd c g
        GEODIST g Palermo Catania
        GEODIST g Palermo Catania km
        GEODIST g Palermo Catania MI
        GEODIST g Palermo Catania Ft
        GEODIST g Palermo Palermo m
        GEODIST g Palermo Catania cm
        GEODIST g Palermo absent
        GEODIST g Palermo absent cm
        GEODIST g Palermo Catania km x
        GEODIST absent a b
        GEODIST absent a b x
        GEODIST g Palermo
        SET gs text
        GEOADD gs 1 2 a
        GEOADD gs 1 200 a
        GEOPOS gs a
        GEODIST gs a b
        GEODIST gs a b x
        GEOHASH gs a
        GEOSEARCH gs FROMMEMBER a BYRADIUS 1 x
        GEORADIUS gs 1 200 1 x
        GEORADIUSBYMEMBER gs a 1 x
        GEOSEARCHSTORE gs gs FROMMEMBER a BYRADIUS 1 m
        GEORADIUS g 15 37 200 km
        GEORADIUS g 15 37 200 km WITHDIST WITHCOORD WITHHASH ASC
        GEORADIUS g 15 37 200 km DESC WITHDIST
        GEORADIUS g 15 37 200 km COUNT 1
        GEORADIUS g 15 37 200 km COUNT 1 ANY
        GEORADIUS g 15 37 200 km COUNT 1 ANY DESC
        GEORADIUS g 15 37 200 km ANY
        GEORADIUS g 15 37 200 km COUNT
        GEORADIUS g 15 37 200 km COUNT 0
        GEORADIUS g 15 37 200 km COUNT -1
        GEORADIUS g 15 37 200 km COUNT x
        GEORADIUS g 15 37 200 km BOGUS
        GEORADIUS g 15 37 -1 km
        GEORADIUS g 15 37 abc km
        GEORADIUS g 15 37 200 parsec
        GEORADIUS g 15 371 200 km
        GEORADIUS g x 37 200 km
        GEORADIUS g 15 37 inf km
        GEORADIUS g 15 37 0 km
        GEORADIUS edge 180 0 1 km WITHDIST ASC
        GEORADIUS edge 0 0 1e300 km WITHDIST
        GEORADIUS absent 15 37 200 km
        GEORADIUS absent 15 371 200 km
        GEORADIUS absent 15 37 200 km BOGUS
        GEORADIUS g 15 37 200 km STORE gd
        ZRANGE gd 0 -1 WITHSCORES
        GEORADIUS g 15 37 200 km STOREDIST gd
        ZRANGE gd 0 -1 WITHSCORES
        GEORADIUS g 15 37 200 km STORE gd STOREDIST gd2
        GEORADIUS g 15 37 200 km STOREDIST gd STORE gd2 COUNT 1 DESC
        ZRANGE gd 0 -1 WITHSCORES
        ZRANGE gd2 0 -1 WITHSCORES
        GEORADIUS g 15 37 200 km STORE
        GEORADIUS g 15 37 200 km STORE gd WITHDIST
        GEORADIUS g 15 37 200 km WITHHASH STOREDIST gd
        GEORADIUS g 15 37 1 m STORE gd
        EXISTS gd
        GEORADIUS g 15 37 200 km STORE g
        ZRANGE g 0 -1 WITHSCORES
        GEORADIUS absent 15 37 200 km STORE gd2
        EXISTS gd2
        GEORADIUS_RO g 15 37 200 km WITHDIST
        GEORADIUS_RO g 15 37 200 km STORE gd
        GEORADIUS_RO g 15 37 200 km STOREDIST gd
        GEORADIUSBYMEMBER g Palermo 200 km WITHDIST
        GEORADIUSBYMEMBER g absent 200 km
        GEORADIUSBYMEMBER g absent x y BOGUS
        GEORADIUSBYMEMBER absent a x y
        GEORADIUSBYMEMBER absent a x y BOGUS
        GEORADIUSBYMEMBER absent a x y STORE gd
        GEORADIUSBYMEMBER g Palermo 200 km STORE gd
        ZRANGE gd 0 -1 WITHSCORES
        GEORADIUSBYMEMBER_RO g Palermo 200 km DESC
        GEORADIUSBYMEMBER_RO g Palermo 200 km STORE gd
        GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST WITHCOORD WITHHASH
        GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km DESC WITHDIST
        GEOSEARCH g FROMMEMBER Palermo BYBOX 400 400 km COUNT 1
        GEOSEARCH g FROMMEMBER absent BYBOX 400 400 km
        GEOSEARCH absent FROMMEMBER absent BYBOX 400 400 km
        GEOSEARCH g FROMMEMBER Palermo FROMLONLAT 15 37 BYBOX 400 400 km
        GEOSEARCH g FROMLONLAT 15 37 FROMMEMBER Palermo BYBOX 400 400 km
        GEOSEARCH g FROMMEMBER Palermo FROMMEMBER Catania BYRADIUS 1 km
        GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 km BYBOX 1 1 km
        GEOSEARCH g FROMMEMBER Palermo BYBOX 1 1 km BYRADIUS 1 km
        GEOSEARCH g FROMMEMBER Palermo BYBOX 1 1 km BYBOX 400 400 km
        GEOSEARCH g FROMMEMBER Palermo ASC WITHDIST WITHHASH
        GEOSEARCH g BYRADIUS 1 km ASC WITHDIST
        gEoSearch g BYRADIUS 1 km ASC WITHDIST
        GEOSEARCH g ASC DESC WITHDIST WITHHASH ANY
        GEOSEARCH g FROMMEMBER Palermo BYBOX 1 1 km ANY
        GEOSEARCH g FROMMEMBER Palermo BYBOX -1 1 km
        GEOSEARCH g FROMMEMBER Palermo BYBOX 1 -1 km
        GEOSEARCH g FROMMEMBER Palermo BYBOX x 1 km
        GEOSEARCH g FROMMEMBER Palermo BYBOX 1 x km
        GEOSEARCH g FROMMEMBER Palermo BYBOX 1 1 x
        GEOSEARCH g FROMMEMBER Palermo BYBOX 1 1
        GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1
        GEOSEARCH g FROMMEMBER Palermo BYRADIUS x km
        GEOSEARCH g FROMMEMBER Palermo BYRADIUS -1 km
        GEOSEARCH g FROMLONLAT 15 BYRADIUS 1 km
        GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 km STORE gd
        GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 km STOREDIST
        GEOSEARCH g
        GEOSEARCHSTORE gd g FROMLONLAT 15 37 BYRADIUS 200 km
        ZRANGE gd 0 -1 WITHSCORES
        GEOSEARCHSTORE gd g FROMLONLAT 15 37 BYBOX 400 400 km STOREDIST COUNT 1
        ZRANGE gd 0 -1 WITHSCORES
        GEOSEARCHSTORE gd g FROMLONLAT 15 37 BYBOX 400 400 km WITHDIST
        GEOSEARCHSTORE gd g FROMLONLAT 15 37 BYBOX 1 1 m
        EXISTS gd
        GEOSEARCHSTORE gs g FROMLONLAT 15 37 BYBOX 400 400 km
        TYPE gs
        GEOSEARCHSTORE gs absent FROMLONLAT 15 37 BYBOX 400 400 km
        EXISTS gs
        GEOSEARCHSTORE gd g FROMMEMBER Palermo ASC WITHDIST WITHHASH
        GEOADD
        GEOPOS
        COMMAND GETKEYS GEOADD g 1 2 a
        COMMAND GETKEYS GEOSEARCHSTORE a b FROMLONLAT 15 37 BYBOX 400 400 km
        COMMAND GETKEYS GEORADIUS g 15 37 200 km STORE gd
        COMMAND GETKEYS GEORADIUS g 15 37 200 km STOREDIST gd
        COMMAND GETKEYS GEORADIUS g 15 37 200 km
        COMMAND GETKEYS GEORADIUSBYMEMBER g a 200 km COUNT 1 STORE gd
        ~COMMAND LIST FILTERBY ACLCAT geo
        FLUSHALL
        """;

    /// <summary>Searches of all sizes around all sorts of points.</summary>
    public static IEnumerable<string> Generated()
    {
        Random random = new(17);
        for (int i = 0; i < 400; i++)
        {
            yield return $"GEOADD earth {Degrees(180)} {Degrees(85)} place{i}";
        }

        for (int i = 0; i < 400; i++)
        {
            yield return $"GEOADD town {13 + random.NextDouble()} {52 + random.NextDouble()} house{i}";
        }

        string[] options = ["WITHDIST WITHHASH WITHCOORD", "ASC WITHDIST", "DESC", "COUNT 3", "COUNT 20 DESC WITHDIST",
            "COUNT 5 ANY", "COUNT 7 ANY ASC"];
        for (int i = 0; i < 600; i++)
        {
            string key = i % 3 == 0 ? "town" : "earth";
            string from = i % 3 == 0
                ? random.Next(4) == 0
                    ? $"FROMMEMBER house{random.Next(400)}" : $"FROMLONLAT 13.4 {52 + random.NextDouble()}"
                : random.Next(4) == 0
                    ? $"FROMMEMBER place{random.Next(400)}" : $"FROMLONLAT {Degrees(180)} {Degrees(85)}";
            string by = random.Next(2) == 0 ? $"BYRADIUS {Length()} m" : $"BYBOX {Length()} {Length()} m";
            yield return $"GEOSEARCH {key} {from} {by} {options[random.Next(options.Length)]}";
        }

        yield return "FLUSHALL";

        string Degrees(int most) =>
            (((random.NextDouble() * 2) - 1) * most).ToString("F9", CultureInfo.InvariantCulture);

        string Length() => Math.Pow(10, random.NextDouble() * 7.6).ToString("F2", CultureInfo.InvariantCulture);
    }
}
