using System.Text;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Routing;

/// <summary>The same conditions, with the reason why one does not hold.</summary>
internal sealed partial class RouteMatch
{
    /// <summary>The first condition that a request does not meet; null: it meets all.</summary>
    public string? Mismatch(RequestHead head, ReadOnlySpan<byte> buffer)
    {
        if (_methods.Length > 0 && !HasMethod(head.Method.In(buffer)))
        {
            return $"the method is {Text(head.Method.In(buffer))}, not {string.Join(" or ", _methods.Select(m => Text(m)))}";
        }

        foreach (var condition in _headers)
        {
            if (condition.Mismatch("header", FindField(head, buffer, condition.Name, out var value), value) is { } reason) return reason;
        }

        foreach (var condition in _query)
        {
            if (condition.Mismatch("query parameter", FindParameter(head.Query.In(buffer), condition.Name, out var value), value) is { } reason) return reason;
        }

        return null;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    private sealed partial class ValueCondition
    {
        public string? Mismatch(string what, bool there, ReadOnlySpan<byte> value)
        {
            if (Holds(there, value)) return null;
            var name = $"{what} {Text(Name)}";
            if (!there) return $"{name} is absent";
            return _kind switch
            {
                ValueMatchKind.Absent => $"{name} is there",
                ValueMatchKind.Exact => $"{name} is \"{Text(value)}\", not \"{Text(_value)}\"",
                _ => $"{name} is \"{Text(value)}\", which {Text(_value)} does not match",
            };
        }
    }
}
