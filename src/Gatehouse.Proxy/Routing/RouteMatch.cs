using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Routing;

/// <summary>The conditions of a route beyond its path, over the bytes of a request.</summary>
internal sealed partial class RouteMatch
{
    private const int LongestRegexInput = 8_192;

    private readonly byte[][] _methods;
    private readonly ValueCondition[] _headers;
    private readonly ValueCondition[] _query;

    public RouteMatch(Route route)
    {
        _methods = [.. route.Methods.Select(Encoding.ASCII.GetBytes)];
        _headers = [.. route.Headers.Select(h => new ValueCondition(h))];
        _query = [.. route.Query.Select(q => new ValueCondition(q))];
    }

    /// <summary>There is nothing to ask.</summary>
    public bool IsEmpty => _methods.Length == 0 && _headers.Length == 0 && _query.Length == 0;

    public bool Matches(RequestHead head, ReadOnlySpan<byte> buffer)
    {
        if (_methods.Length > 0 && !HasMethod(head.Method.In(buffer))) return false;
        foreach (var condition in _headers)
        {
            if (!condition.Holds(FindField(head, buffer, condition.Name, out var value), value)) return false;
        }

        foreach (var condition in _query)
        {
            if (!condition.Holds(FindParameter(head.Query.In(buffer), condition.Name, out var value), value)) return false;
        }

        return true;
    }

    /// <summary>A regular expression over bytes; none longer than 8 KB matches. The buffer of characters belongs to the thread.</summary>
    public static bool IsMatch(Regex regex, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > LongestRegexInput) return false;
        var characters = (t_characters ??= new char[LongestRegexInput]).AsSpan(0, bytes.Length);
        Encoding.Latin1.GetChars(bytes, characters);
        return regex.IsMatch(characters);
    }

    [ThreadStatic]
    private static char[]? t_characters;

    private bool HasMethod(ReadOnlySpan<byte> method)
    {
        foreach (var allowed in _methods)
        {
            if (method.SequenceEqual(allowed)) return true;
        }

        return false;
    }

    private static bool FindField(RequestHead head, ReadOnlySpan<byte> buffer, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (field.NameLength != name.Length || !Ascii.EqualsIgnoreCase(buffer.Slice(field.Start, field.NameLength), name)) continue;
            value = buffer.Slice(field.ValueStart, field.ValueLength);
            return true;
        }

        value = default;
        return false;
    }

    private static bool FindParameter(ReadOnlySpan<byte> query, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (var range in query.Split((byte)'&'))
        {
            var pair = query[range];
            var equals = pair.IndexOf((byte)'=');
            if (!(equals < 0 ? pair : pair[..equals]).SequenceEqual(name)) continue;
            value = equals < 0 ? default : pair[(equals + 1)..];
            return true;
        }

        value = default;
        return false;
    }

    private sealed partial class ValueCondition
    {
        private readonly ValueMatchKind _kind;
        private readonly byte[] _value;
        private readonly Regex? _regex;

        public ValueCondition(Configuration.ValueMatch match)
        {
            Name = Encoding.UTF8.GetBytes(match.Name);
            _kind = match.Kind;
            _value = Encoding.UTF8.GetBytes(match.Value);
            if (_kind == ValueMatchKind.Regex) _regex = RoutePattern.Whole(match.Value);
        }

        public byte[] Name { get; }

        public bool Holds(bool there, ReadOnlySpan<byte> value) => _kind switch
        {
            ValueMatchKind.Absent => !there,
            ValueMatchKind.Present => there,
            ValueMatchKind.Exact => there && value.SequenceEqual(_value),
            _ => there && IsMatch(_regex!, value),
        };
    }
}

/// <summary>Regular expressions of routes: without backtracking, so that no request can make them slow.</summary>
internal static class RoutePattern
{
    private const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture;

    /// <summary>Matched from the start.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    /// <exception cref="NotSupportedException">It can't be matched in linear time.</exception>
    public static Regex FromStart(string pattern) => new($"^(?:{pattern})", Options);

    /// <summary>Must match all.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    /// <exception cref="NotSupportedException">It can't be matched in linear time.</exception>
    public static Regex Whole(string pattern) => new($"^(?:{pattern})\\z", Options);
}
