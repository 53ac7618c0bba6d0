using System.Buffers.Text;
using System.Text;

namespace Gatehouse.Wire.Http1;

/// <summary>How far a head has come.</summary>
public enum HeadStatus : byte
{
    /// <summary>More bytes are needed.</summary>
    Incomplete,

    /// <summary>It is whole and valid.</summary>
    Complete,

    /// <summary>It is refused; <see cref="MessageHead.Fault"/> says why.</summary>
    Invalid,
}

/// <summary>How a body ends (RFC 9112 §6.3).</summary>
public enum BodyFraming : byte
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>After so many bytes.</summary>
    Length,

    /// <summary>With the last chunk.</summary>
    Chunked,

    /// <summary>With the connection; responses alone.</summary>
    UntilClose,
}

/// <summary>How large heads may be.</summary>
/// <param name="StartLine">Bytes of the first line, without its end.</param>
/// <param name="Head">Bytes of all, with the empty line.</param>
/// <param name="Fields">Field lines.</param>
public readonly record struct HeadLimits(int StartLine, int Head, int Fields);

/// <summary>How far a buffer was searched for the end of a head; kept with the connection between reads, so that no byte is looked at twice.</summary>
public struct HeadScan
{
    internal int Position;
    internal int LineStart;
    internal int Lines;
}

/// <summary>One field line; places count from the start of the buffer.</summary>
public struct FieldLine
{
    /// <summary>Of its name.</summary>
    public int Start { get; internal set; }

    /// <summary>Of its name.</summary>
    public int NameLength { get; internal set; }

    /// <summary>Of its value, after white space.</summary>
    public int ValueStart { get; internal set; }

    /// <summary>Of its value, without the white space after it.</summary>
    public int ValueLength { get; internal set; }

    /// <summary>After its CRLF.</summary>
    public int End { get; internal set; }

    /// <summary>Which field it is.</summary>
    public KnownField Known { get; internal set; }

    /// <summary>It is for this hop alone, for Connection names it or by its nature (RFC 9110 §7.6.1), and isn't passed on.</summary>
    public bool Hop { get; internal set; }
}

/// <summary>
/// What requests and responses have in common: the search for the end, the field lines, and the framing. It holds places in the caller's buffer and no bytes, so that one object serves
/// all connections of a thread: what it found counts until it is used for the next.
/// </summary>
public abstract class MessageHead
{
    private const int LongestConnection = 16;
    private FieldLine[] _fields = new FieldLine[128];

    /// <summary>Why it was refused.</summary>
    public HttpFault Fault { get; private protected set; }

    /// <summary>Bytes from the start of the buffer to the end of the head, with an empty line that stood before it.</summary>
    public int Length { get; private set; }

    /// <summary>1 or 0 in HTTP/1.x.</summary>
    public int MinorVersion { get; private protected set; }

    /// <summary>The field lines in their order.</summary>
    public ReadOnlySpan<FieldLine> Fields => _fields.AsSpan(0, FieldCount);

    /// <summary>How many.</summary>
    public int FieldCount { get; private set; }

    /// <summary>How the body ends.</summary>
    public BodyFraming Framing { get; private protected set; }

    /// <summary>The value of Content-Length; -1 when there is none.</summary>
    public long ContentLength { get; private protected set; }

    /// <summary>Connection says close.</summary>
    public bool SaysClose { get; private set; }

    /// <summary>Connection says keep-alive.</summary>
    public bool SaysKeepAlive { get; private set; }

    /// <summary>Connection says upgrade and Upgrade says to what, which is not HTTP/2.</summary>
    public bool SaysUpgrade { get; private set; }

    /// <summary>TE takes trailers.</summary>
    public bool TakesTrailers { get; private set; }

    /// <summary>There is a Date field.</summary>
    public bool HasDate { get; private set; }

    /// <summary>There is a Server field.</summary>
    public bool HasServer { get; private set; }

    /// <summary>Whether there is a chunked coding.</summary>
    private protected bool IsChunked { get; private set; }

    private protected bool HasEncoding { get; private set; }

    /// <summary>Indexes of the first line of some known fields, -1 when there is none.</summary>
    private protected int HostIndex { get; private set; }

    private protected int ExpectIndex { get; private set; }

    /// <summary>The index of Upgrade's line; -1 when there is none.</summary>
    public int UpgradeIndex { get; private set; }

    /// <summary>Finds the empty line. Only bytes within the limits are looked at, so that the outcome does not depend on how the bytes came.</summary>
    private protected HeadStatus FindEnd(ReadOnlySpan<byte> buffer, ref HeadScan scan, in HeadLimits limits)
    {
        var within = buffer[..Math.Min(buffer.Length, limits.Head)];
        while (true)
        {
            var atStart = scan.LineStart <= 2 && scan.Lines == 0;
            var search = atStart ? within[..Math.Min(within.Length, scan.LineStart + limits.StartLine + 2)] : within;
            var found = scan.Position < search.Length ? search[scan.Position..].IndexOf((byte)'\n') : -1;
            if (found < 0)
            {
                scan.Position = search.Length;
                if (atStart && search.Length == scan.LineStart + limits.StartLine + 2) return Refuse(HttpFault.StartLineTooLong);
                return within.Length == limits.Head ? Refuse(HttpFault.HeadTooLarge) : HeadStatus.Incomplete;
            }

            var end = scan.Position + found;
            if (end == scan.LineStart || within[end - 1] != '\r') return Refuse(HttpFault.BareLineFeed);
            var empty = end - 1 == scan.LineStart;
            scan.LineStart = scan.Position = end + 1;
            if (empty && (scan.Lines > 0 || end > 1))
            {
                Length = end + 1;
                return HeadStatus.Complete;
            }

            // One empty line before a request is left over from another client's body (RFC 9112 §2.2).
            if (!empty && ++scan.Lines > limits.Fields + 1) return Refuse(HttpFault.TooManyFields);
        }
    }

    private protected HeadStatus Refuse(HttpFault fault)
    {
        Fault = fault;
        return HeadStatus.Invalid;
    }

    private protected void Reset()
    {
        Fault = HttpFault.None;
        FieldCount = 0;
        MinorVersion = 0;
        Framing = BodyFraming.None;
        ContentLength = -1;
        SaysClose = SaysKeepAlive = SaysUpgrade = TakesTrailers = IsChunked = HasEncoding = HasDate = HasServer = false;
        HostIndex = ExpectIndex = UpgradeIndex = -1;
    }

    /// <summary>Reads the field lines from a place to the empty line.</summary>
    private protected bool ReadFields(ReadOnlySpan<byte> buffer, int at)
    {
        var end = Length - 2;
        while (at < end)
        {
            if (FieldCount == _fields.Length) Array.Resize(ref _fields, _fields.Length * 2);
            ref var field = ref _fields[FieldCount];
            if (ReadField(buffer, at, ref field) is not HttpFault.None and var fault)
            {
                Fault = fault;
                return false;
            }

            at = field.End;
            FieldCount++;
            if (field.Known != KnownField.Other && !Notice(buffer, ref field, FieldCount - 1)) return false;
        }

        return HopsAreMarked(buffer);
    }

    private static HttpFault ReadField(ReadOnlySpan<byte> buffer, int at, ref FieldLine field)
    {
        var name = buffer[at..].IndexOfAnyExcept(HttpBytes.TokenBytes);
        var colon = at + name;
        if (buffer[colon] != ':' || name == 0) return NameFault(buffer, at, colon);
        var value = colon + 1;
        while (buffer[value] is (byte)' ' or (byte)'\t') value++;
        var end = value + buffer[value..].IndexOfAnyExcept(HttpBytes.FieldValueBytes);
        if (buffer[end] != '\r' || buffer[end + 1] != '\n') return HttpFault.FieldValue;
        var last = end;
        while (last > value && buffer[last - 1] is (byte)' ' or (byte)'\t') last--;
        field.Start = at;
        field.NameLength = name;
        field.ValueStart = value;
        field.ValueLength = last - value;
        field.End = end + 2;
        field.Known = KnownFields.Identify(buffer.Slice(at, name), out var disguised);
        field.Hop = KnownFields.IsHop(field.Known);
        return disguised ? HttpFault.Disguised : HttpFault.None;
    }

    private static HttpFault NameFault(ReadOnlySpan<byte> buffer, int start, int at)
    {
        if (buffer[at] is not ((byte)' ' or (byte)'\t')) return HttpFault.FieldName;
        if (at == start) return HttpFault.LineFolding;
        while (buffer[at] is (byte)' ' or (byte)'\t') at++;
        return buffer[at] == ':' ? HttpFault.SpaceBeforeColon : HttpFault.FieldName;
    }

    /// <summary>Takes up what a known field says.</summary>
    private bool Notice(ReadOnlySpan<byte> buffer, ref FieldLine field, int index)
    {
        var value = buffer.Slice(field.ValueStart, field.ValueLength);
        switch (field.Known)
        {
            case KnownField.Host:
                if (HostIndex >= 0) return Refuses(HttpFault.HostRepeated);
                HostIndex = index;
                return true;
            case KnownField.ContentLength:
                if (ContentLength >= 0) return Refuses(HttpFault.ContentLengthRepeated);
                if (!TryLength(value, out var length)) return Refuses(HttpFault.ContentLength);
                ContentLength = length;
                return true;
            case KnownField.TransferEncoding:
                return NoticeEncoding(value);
            case KnownField.Te:
                TakesTrailers |= HasMember(value, "trailers"u8);
                return true;
            case KnownField.Upgrade:
                if (UpgradeIndex < 0) UpgradeIndex = index;
                return true;
            case KnownField.Expect:
                if (ExpectIndex >= 0) return Refuses(HttpFault.Expectation);
                ExpectIndex = index;
                return true;
            case KnownField.Date:
                return HasDate = true;
            case KnownField.Server:
                return HasServer = true;
            default:
                return true;
        }
    }

    private bool NoticeEncoding(ReadOnlySpan<byte> value)
    {
        if (HasEncoding) return Refuses(HttpFault.TransferEncodingRepeated);
        HasEncoding = true;
        IsChunked = Ascii.EqualsIgnoreCase(value, "chunked"u8);
        if (IsChunked) return true;

        // A list of tokens is well formed, and another coding than is taken here; anything else is a disguise.
        return Refuses(IsList(value) ? HttpFault.TransferEncodingUnsupported : HttpFault.TransferEncoding);
    }

    private static bool IsList(ReadOnlySpan<byte> value)
    {
        foreach (var range in value.Split((byte)','))
        {
            if (!HttpBytes.IsToken(value[range].Trim(" \t"u8))) return false;
        }

        return true;
    }

    /// <summary>Whether a list holds a member, in any case and without its parameters.</summary>
    private static bool HasMember(ReadOnlySpan<byte> list, ReadOnlySpan<byte> member)
    {
        foreach (var range in list.Split((byte)','))
        {
            var item = list[range];
            var parameters = item.IndexOf((byte)';');
            if (parameters >= 0) item = item[..parameters];
            if (Ascii.EqualsIgnoreCase(item.Trim(" \t"u8), member)) return true;
        }

        return false;
    }

    private bool HopsAreMarked(ReadOnlySpan<byte> buffer)
    {
        var fields = _fields.AsSpan(0, FieldCount);
        var members = 0;
        var upgrade = false;
        foreach (ref readonly var field in fields)
        {
            if (field.Known != KnownField.Connection) continue;
            var list = buffer.Slice(field.ValueStart, field.ValueLength);
            foreach (var range in list.Split((byte)','))
            {
                var member = list[range].Trim(" \t"u8);
                if (member.IsEmpty) continue;
                if (++members > LongestConnection || !HttpBytes.IsToken(member)) return Refuses(HttpFault.Connection);
                if (Ascii.EqualsIgnoreCase(member, "close"u8)) SaysClose = true;
                else if (Ascii.EqualsIgnoreCase(member, "keep-alive"u8)) SaysKeepAlive = true;
                else if (Ascii.EqualsIgnoreCase(member, "upgrade"u8)) upgrade = true;
                else if (!MarkHop(buffer, fields, member)) return Refuses(HttpFault.Connection);
            }
        }

        SaysUpgrade = upgrade && UpgradeIndex >= 0 && MinorVersion == 1 && !NamesHttp2(buffer, fields[UpgradeIndex]); // HTTP/1.0 knows no change of protocol (RFC 9110 §7.8).
        return true;
    }

    /// <summary>HTTP/2 in a tunnel would carry requests that nobody has routed; RFC 9113 §3.1 has taken this way to begin it back. The request goes on as if it had not asked.</summary>
    private static bool NamesHttp2(ReadOnlySpan<byte> buffer, in FieldLine upgrade)
    {
        var list = buffer.Slice(upgrade.ValueStart, upgrade.ValueLength);
        foreach (var range in list.Split((byte)','))
        {
            if (Ascii.EqualsIgnoreCase(list[range].Trim(" \t"u8), "h2c"u8)) return true;
        }

        return false;
    }

    private static bool MarkHop(ReadOnlySpan<byte> buffer, Span<FieldLine> fields, ReadOnlySpan<byte> name)
    {
        if (Ascii.EqualsIgnoreCase(name, "host"u8)) return false;
        foreach (ref var field in fields)
        {
            if (field.NameLength == name.Length && Ascii.EqualsIgnoreCase(buffer.Slice(field.Start, field.NameLength), name)) field.Hop = true;
        }

        return true;
    }

    private protected bool Refuses(HttpFault fault)
    {
        Fault = fault;
        return false;
    }

    /// <summary>Digits and nothing else, of which the most that long holds.</summary>
    private static bool TryLength(ReadOnlySpan<byte> value, out long length)
    {
        length = 0;
        return value.Length is > 0 and <= 19 && char.IsAsciiDigit((char)value[0]) && Utf8Parser.TryParse(value, out length, out var taken) && taken == value.Length;
    }
}
