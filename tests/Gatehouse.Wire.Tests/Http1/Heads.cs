using System.Text;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.Tests.Http1;

/// <summary>Reads heads in pieces, and tells the outcome as text, so that outcomes can be compared.</summary>
internal static class Heads
{
    public static readonly HeadLimits Wide = new(8_192, 16_384, 100);

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>The outcome of a request head that comes in pieces of these sizes; the rest comes whole.</summary>
    public static string ReadRequest(RequestHead head, byte[] bytes, HeadLimits limits, Func<int, int> next)
    {
        var status = Feed(bytes, next, (ReadOnlySpan<byte> buffer, ref HeadScan scan) => head.Read(buffer, ref scan, limits), out var seen);
        if (status == HeadStatus.Invalid) return head.Fault.ToString();
        return status == HeadStatus.Incomplete ? "incomplete" : Show(head, bytes[..seen]);
    }

    public static string ReadResponse(ResponseHead head, byte[] bytes, HeadLimits limits, bool toHead, Func<int, int> next)
    {
        var status = Feed(bytes, next, (ReadOnlySpan<byte> buffer, ref HeadScan scan) => head.Read(buffer, ref scan, limits, toHead), out var seen);
        if (status == HeadStatus.Invalid) return head.Fault.ToString();
        return status == HeadStatus.Incomplete ? "incomplete" : Show(head, bytes[..seen]);
    }

    /// <summary>Whole, byte by byte, and in ten random cuttings: the outcome, which must be one.</summary>
    public static string EachWay(Func<Func<int, int>, string> read, int seed)
    {
        var whole = read(left => left);
        Assert.Equal(whole, read(_ => 1));
        for (var i = 0; i < 10; i++)
        {
            var random = new Random(seed + i);
            Assert.Equal(whole, read(left => random.Next(1, Math.Min(left, 30) + 1)));
        }

        return whole;
    }

    public static string Request(string text, HeadLimits? limits = null)
    {
        var head = new RequestHead();
        var bytes = Bytes(text);
        return EachWay(next => ReadRequest(head, bytes, limits ?? Wide, next), text.Length);
    }

    public static string Response(string text, bool toHead = false, HeadLimits? limits = null)
    {
        var head = new ResponseHead();
        var bytes = Bytes(text);
        return EachWay(next => ReadResponse(head, bytes, limits ?? Wide, toHead, next), text.Length);
    }

    /// <summary>All that a request's head says.</summary>
    public static string Show(RequestHead head, byte[] bytes) =>
        $"{Text(head.Method, bytes)} {head.Form} {Text(head.PathAndQuery, bytes)} path={Text(head.Path, bytes)} query={Text(head.Query, bytes)} authority={Text(head.Authority, bytes)} host={Text(head.Host, bytes)} port={head.Port}"
        + $" 1.{head.MinorVersion} {head.Framing} {head.ContentLength}{(head.KeepsAlive ? " keeps" : "")}{(head.ExpectsContinue ? " expects" : "")}{Common(head)} [{Fields(head, bytes)}] {head.Length}";

    public static string Show(ResponseHead head, byte[] bytes) =>
        $"{head.Status} {Text(head.Reason, bytes)} 1.{head.MinorVersion} {head.Framing} {head.ContentLength}{(head.KeepsAlive ? " keeps" : "")}{Common(head)} [{Fields(head, bytes)}] {head.Length}";

    private static string Common(MessageHead head) =>
        $"{(head.SaysUpgrade ? " upgrade" : "")}{(head.TakesTrailers ? " trailers" : "")}{(head.HasDate ? " date" : "")}{(head.HasServer ? " server" : "")}";

    private static string Fields(MessageHead head, byte[] bytes)
    {
        var text = new List<string>();
        foreach (var field in head.Fields)
        {
            text.Add($"{Text(new Place(field.Start, field.NameLength), bytes)}={Text(new Place(field.ValueStart, field.ValueLength), bytes)}{(field.Hop ? "!" : "")}");
        }

        return string.Join("|", text);
    }

    private delegate HeadStatus Reading(ReadOnlySpan<byte> buffer, ref HeadScan scan);

    private static HeadStatus Feed(byte[] bytes, Func<int, int> next, Reading read, out int seen)
    {
        var scan = default(HeadScan);
        seen = 0;
        while (seen < bytes.Length)
        {
            seen += next(bytes.Length - seen);
            if (read(bytes.AsSpan(0, seen), ref scan) is not HeadStatus.Incomplete and var status) return status;
        }

        return HeadStatus.Incomplete;
    }

    private static string Text(Place place, byte[] bytes) => Encoding.Latin1.GetString(place.In(bytes));
}
