namespace KvStore.Tests.Commands;

/// <summary>Lines of <see cref="CommandLines"/> about HyperLogLogs: GET shows that the bytes are Redis's.</summary>
internal static class HyperLogLogLines
{
    public const string Text = """
        # HyperLogLogs
        PFADD h
        GET h
        PFADD h
        PFCOUNT h
        GET h
        PFADD h a b c d e f g
        GET h
        PFADD h a b c
        PFCOUNT h
        GET h
        PFADD h a
        GET h
        PFADD h ""
        PFADD h 12345678 123456789 1234567
        PFCOUNT h
        GET h
        PFADD h2 a x y z
        PFCOUNT h h2
        PFCOUNT h h2 absent h
        PFCOUNT absent
        PFCOUNT absent absent2
        GET h2
        PFDEBUG DECODE h2
        PFDEBUG ENCODING h2
        PFDEBUG TODENSE h2
        PFDEBUG TODENSE h2
        PFDEBUG ENCODING h2
        PFDEBUG DECODE h2
        PFDEBUG GETREG h2
        PFDEBUG FOO h2
        PFDEBUG ENCODING absent
        PFDEBUG ENCODING
        PFSELFTEST
        PFSELFTEST x
        EXPIRE h2 1000
        PFMERGE h2 h
        TTL h2
        GET h2
        PFMERGE h3 h h2 absent
        GET h3
        PFMERGE h3
        PFMERGE h4
        GET h4
        PFMERGE h4 absent
        PFCOUNT h4
        GET h4
        SET s text
        PFADD s a
        PFADD s
        PFCOUNT s
        PFCOUNT h s
        PFMERGE s h
        PFMERGE h s
        SET s 12345678901234567
        PFADD s a
        PFCOUNT s
        SET s HYLL
        PFADD s a
        SET s "HYLL\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
        PFADD s a
        SET s "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
        PFCOUNT s
        SET s "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xfe"
        PFCOUNT s
        PFCOUNT s h
        PFMERGE h s
        PFMERGE s h
        SET s "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
        PFCOUNT s
        PFADD s a
        GET s
        SET s "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff\x80"
        PFCOUNT s
        PFCOUNT s h
        SET s "HYLL\x01\x01\x02\x03\x2a\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
        PFCOUNT s
        PFADD s a
        GET s
        PFCOUNT s
        LPUSH l a
        PFADD l a
        PFCOUNT l
        PFCOUNT h l
        PFMERGE l h
        PFMERGE h l
        CONFIG GET hll-sparse-max-bytes
        CONFIG SET hll-sparse-max-bytes 40
        PFADD d a b c d e f g h i j k l m n o p
        GET d
        PFCOUNT d
        GET d
        PFADD d a b c
        PFADD d q r s
        GET d
        PFMERGE d2 d h
        PFCOUNT d d2 h
        GET d2
        PFMERGE h3 d
        GET h3
        CONFIG SET hll-sparse-max-bytes 3000
        PFCOUNT
        PFADD
        PFMERGE
        COMMAND GETKEYS PFADD a b
        COMMAND GETKEYS PFCOUNT a b
        COMMAND GETKEYS PFMERGE a b c
        ~COMMAND LIST FILTERBY PATTERN pfadd
        FLUSHALL
        """;

    /// <summary>Growth from nothing into the dense bytes, by elements of all lengths.</summary>
    public static IEnumerable<string> Generated()
    {
        Random random = new(23);
        for (int i = 0; i < 900; i++)
        {
            string key = $"grow{random.Next(3)}";
            int count = random.Next(1, key == "grow0" ? 40 : 4);
            IEnumerable<string> elements = Enumerable.Range(0, count).Select(_ =>
                $"{random.Next(200_000)}{new string('x', random.Next(20))}");
            yield return $"PFADD {key} {string.Join(' ', elements)}";
            if (i % 5 == 0)
            {
                yield return $"GET {key}";
            }

            if (i % 7 == 0)
            {
                yield return $"PFCOUNT {key}";
                yield return $"GET {key}";
            }

            if (i % 40 == 0)
            {
                yield return $"PFCOUNT grow0 grow{i % 3}";
                yield return $"PFMERGE merged{i % 4} grow1 grow{i % 3}";
                yield return $"GET merged{i % 4}";
            }
        }

        yield return "FLUSHALL";
    }
}
