using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace GuestMemFs.Tests.Api;

/// <summary>
/// An assembly's public surface as sorted text, a line a member: what a caller can compile against, and nothing else.
/// </summary>
internal static class PublicApiText
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
            | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(object)] = "object", [typeof(string)] = "string", [typeof(bool)] = "bool",
        [typeof(byte)] = "byte", [typeof(sbyte)] = "sbyte", [typeof(short)] = "short", [typeof(ushort)] = "ushort",
        [typeof(int)] = "int", [typeof(uint)] = "uint", [typeof(long)] = "long", [typeof(ulong)] = "ulong",
        [typeof(nint)] = "nint", [typeof(nuint)] = "nuint", [typeof(char)] = "char", [typeof(double)] = "double",
        [typeof(float)] = "float",
    };

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(Header(type)).Append('\n');
            foreach (string member in Members(type).Order(StringComparer.Ordinal))
            {
                text.Append("    ").Append(member).Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Header(Type type)
    {
        string kind = type switch
        {
            { IsEnum: true } => "enum",
            { IsInterface: true } => "interface",
            { IsValueType: true } =>
                (Has<IsReadOnlyAttribute>(type) ? "readonly " : "") + (type.IsByRefLike ? "ref " : "") + "struct",
            _ when type.BaseType == typeof(MulticastDelegate) => "delegate",
            { IsAbstract: true, IsSealed: true } => "static class",
            { IsAbstract: true } => "abstract class",
            { IsSealed: true } => "sealed class",
            _ => "class",
        };
        IEnumerable<Type> bases = type.IsEnum ? [type.GetEnumUnderlyingType()]
            : type.GetInterfaces().Where(i => i.IsVisible);
        if (type.BaseType is { } parent && parent != typeof(object) && !type.IsValueType)
        {
            bases = bases.Except(parent.GetInterfaces()).Prepend(parent);
        }

        string[] names = [.. bases.Select(Name).Order(StringComparer.Ordinal)];
        string list = names.Length == 0 ? "" : " : " + string.Join(", ", names);
        return $"{Marks(type)}{kind} {type.Namespace}.{Name(type)}{list}{Constraints(type.GetGenericArguments())}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        foreach (FieldInfo field in type.GetFields(Declared).Where(f => (f.IsPublic || f.IsFamily) && !f.IsSpecialName))
        {
            string value = field.IsLiteral ? " = " + Literal(field.GetRawConstantValue()) : "";
            string modifier = field.IsLiteral ? "const "
                : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
            yield return type.IsEnum ? field.Name + value
                : $"{modifier}{Annotated(field.FieldType, field)} {field.Name}{value}";
        }

        foreach (PropertyInfo property in type.GetProperties(Declared))
        {
            string[] accessors =
            [
                .. new[] { property.GetMethod, property.SetMethod }.OfType<MethodInfo>().Where(Visible)
                    .Select(a => a == property.GetMethod ? "get;" : IsInit(a) ? "init;" : "set;"),
            ];
            if (accessors.Length > 0)
            {
                string required = Has<RequiredMemberAttribute>(property) ? "required " : "";
                string index = string.Join(", ", property.GetIndexParameters().Select(Parameter));
                string modifiers = $"{Marks(property)}{required}{Modifiers(property.GetAccessors(true)[0])}";
                yield return $"{modifiers}{Annotated(property.PropertyType, property)} " +
                    $"{property.Name}{(index.Length > 0 ? $"[{index}]" : "")} {{ {string.Join(' ', accessors)} }}";
            }
        }

        foreach (EventInfo e in type.GetEvents(Declared).Where(e => Visible(e.AddMethod!)))
        {
            yield return $"{Modifiers(e.AddMethod!)}event {Name(e.EventHandlerType!)} {e.Name}";
        }

        foreach (MethodBase method in type.GetMembers(Declared).OfType<MethodBase>().Where(Visible).Where(IsOwn))
        {
            string parameters = string.Join(", ", method.GetParameters().Select(Parameter));
            yield return method is MethodInfo { ReturnParameter: { } returned } info
                ? $"{Marks(method)}{Modifiers(method)}{Annotated(returned.ParameterType, returned)} {method.Name}" +
                    $"{Generics(info)}({parameters}){Constraints(info.GetGenericArguments())}"
                : $"{Marks(method)}{Modifiers(method)}{type.Name.Split('`')[0]}({parameters})";
        }
    }

    private static bool Visible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    // Not accessors (their property stands for them), nor what the compiler adds to a record.
    private static bool IsOwn(MethodBase method) =>
        (!method.IsSpecialName || method.IsConstructor || method.Name.StartsWith("op_", StringComparison.Ordinal))
            && !method.Name.Contains('<', StringComparison.Ordinal) && !Has<CompilerGeneratedAttribute>(method);

    private static bool IsInit(MethodInfo setter) =>
        setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));

    private static bool Has<T>(MemberInfo member)
        where T : Attribute => member.IsDefined(typeof(T), inherit: false);

    // The compiler itself marks ref structs and constructors of required members obsolete, for older compilers.
    private static string Marks(MemberInfo member) =>
        (Has<FlagsAttribute>(member) ? "[Flags] " : "") +
        (member.GetCustomAttribute<ExperimentalAttribute>(inherit: false) is { } e
            ? $"[Experimental({e.DiagnosticId})] " : "") +
        (Has<ObsoleteAttribute>(member) && !Has<CompilerFeatureRequiredAttribute>(member) ? "[Obsolete] " : "");

    private static string Modifiers(MethodBase method) =>
        (method.IsFamily || method.IsFamilyOrAssembly ? "protected " : "") +
        (method.IsStatic ? "static " : "") +
        (method.IsAbstract && !method.DeclaringType!.IsInterface ? "abstract " : "") +
        (method.IsVirtual && !method.IsAbstract && !method.IsFinal
            ? ((MethodInfo)method).GetBaseDefinition() == method ? "virtual " : "override " : "");

    private static string Parameter(ParameterInfo parameter)
    {
        string by = parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref " : "";
        string rest = parameter.IsDefined(typeof(ParamArrayAttribute)) ? "params "
            : parameter.Position == 0 && Has<ExtensionAttribute>(parameter.Member) ? "this " : "";
        string value = parameter.HasDefaultValue ? " = " + Literal(parameter.DefaultValue) : "";
        return $"{rest}{by}{Annotated(parameter.ParameterType, parameter)} {parameter.Name}{value}";
    }

    private static string Annotated(Type type, ICustomAttributeProvider where)
    {
        var context = new NullabilityInfoContext();
        NullabilityInfo info = where switch
        {
            ParameterInfo p => context.Create(p),
            PropertyInfo p => context.Create(p),
            _ => context.Create((FieldInfo)where),
        };
        bool nullable = !type.IsValueType && !type.IsByRef && info.ReadState == NullabilityState.Nullable;
        return Name(type) + (nullable ? "?" : "");
    }

    private static string Name(Type type)
    {
        if (type.IsByRef || type.IsPointer || type.IsArray)
        {
            return Name(type.GetElementType()!) + (type.IsPointer ? "*" : type.IsArray ? "[]" : "");
        }

        if (Nullable.GetUnderlyingType(type) is { } inner)
        {
            return Name(inner) + "?";
        }

        string outer = type is { IsNested: true, IsGenericParameter: false } ? Name(type.DeclaringType!) + "." : "";
        string arguments = type.IsGenericType ? $"<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : "";
        return Keywords.GetValueOrDefault(type) ?? outer + type.Name.Split('`')[0] + arguments;
    }

    private static string Generics(MethodInfo method) =>
        method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";

    private static string Constraints(Type[] arguments) =>
        string.Concat(arguments.Where(a => a.IsGenericParameter).Select(Constraint));

    private static string Constraint(Type argument)
    {
        GenericParameterAttributes flags = argument.GenericParameterAttributes;
        bool isStruct = flags.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
        List<string> parts = [];
        if (isStruct)
        {
            parts.Add(argument.CustomAttributes.Any(a => a.AttributeType.Name == "IsUnmanagedAttribute") ? "unmanaged"
                : "struct");
        }

        if (flags.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
        {
            parts.Add("class");
        }

        parts.AddRange(argument.GetGenericParameterConstraints().Where(c => c != typeof(ValueType)).Select(Name));
        if (!isStruct && flags.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint))
        {
            parts.Add("new()");
        }

        if (flags.HasFlag(GenericParameterAttributes.AllowByRefLike))
        {
            parts.Add("allows ref struct");
        }

        return parts.Count == 0 ? "" : $" where {argument.Name} : {string.Join(", ", parts)}";
    }

    private static string Literal(object? value) => value switch
    {
        null => "default",
        string s => $"\"{s}\"",
        bool b => b ? "true" : "false",
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
