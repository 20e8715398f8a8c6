using System.Reflection;

namespace GuestMemFs.Tests.Errors;

/// <summary>What an exception was made with is what its properties say.</summary>
public sealed class ExceptionPropertyTests
{
    private static readonly BindingFlags s_any =
        BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    public static TheoryData<Type> All => [.. typeof(ArenaException).Assembly.GetExportedTypes().Where(type =>
        type.IsSubclassOf(typeof(ArenaException)) && type.GetProperties(s_any).Length > 0 && IsMadeOfValues(type))];

    [Theory]
    [MemberData(nameof(All))]
    public void Each_property_has_the_value_that_the_exception_was_made_with(Type type)
    {
        ConstructorInfo made = type.GetConstructors(s_any).MaxBy(one => one.GetParameters().Length)!;
        object[] values = [.. made.GetParameters().Select((parameter, i) => Value(parameter.ParameterType, i))];

        object error = made.Invoke(values);

        // Lists are made of the values, and have tests of their own.
        Assert.All(type.GetProperties(s_any).Where(one => one.CanRead && IsValue(one.PropertyType)), property =>
        {
            object? value = property.GetValue(error);
            int at = Array.FindIndex(made.GetParameters(), parameter =>
                string.Equals(parameter.Name, property.Name, StringComparison.OrdinalIgnoreCase));
            Assert.True(at < 0 ? values.Contains(value) : values[at].Equals(value), $"{property.Name} is {value}");
        });
    }

    [Fact]
    public void Most_exceptions_are_looked_at() => Assert.InRange(All.Count, 25, 60);

    // Others are made from another exception, or from a list.
    private static bool IsMadeOfValues(Type type) => type.GetConstructors(s_any)
        .MaxBy(one => one.GetParameters().Length)!.GetParameters().All(parameter => IsValue(parameter.ParameterType));

    private static bool IsValue(Type type) => type == typeof(string) || type.IsEnum || s_values.ContainsKey(type);

    private static readonly Dictionary<Type, Func<int, object>> s_values = new()
    {
        [typeof(int)] = i => i + 10,
        [typeof(int?)] = i => i + 10,
        [typeof(uint)] = i => (uint)i + 10,
        [typeof(long)] = i => i + 10L,
        [typeof(long?)] = i => i + 10L,
        [typeof(ulong)] = i => (ulong)i + 10,
        [typeof(bool)] = _ => true,
        [typeof(Guid)] = i => new Guid(i + 1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
        [typeof(Guid?)] = i => new Guid(i + 1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
        [typeof(TimeSpan)] = i => TimeSpan.FromSeconds(i + 10),
        [typeof(DateTimeOffset?)] = i => DateTimeOffset.UnixEpoch.AddDays(i),
    };

    private static object Value(Type type, int i) => type == typeof(string) ? $"text {i}"
        : type.IsEnum ? Enum.GetValues(type).GetValue(i % Enum.GetValues(type).Length)!
        : s_values[type](i);
}
