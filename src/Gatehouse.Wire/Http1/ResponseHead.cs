namespace Gatehouse.Wire.Http1;

/// <summary>The head of a response, read strictly (RFC 9112 §4): what an upstream may not send is no response.</summary>
public sealed class ResponseHead : MessageHead
{
    private const int StatusStart = 9;
    private const int StatusEnd = 12;

    /// <summary>100 to 999.</summary>
    public int Status { get; private set; }

    /// <summary>The words after the status; may be empty.</summary>
    public Place Reason { get; private set; }

    /// <summary>The upstream goes on with this connection.</summary>
    public bool KeepsAlive { get; private set; }

    /// <summary>Reads as far as it can.</summary>
    /// <param name="buffer">All that came since the last response.</param>
    /// <param name="scan">Default for a new response, then what the last call left.</param>
    /// <param name="limits">How large it may be.</param>
    /// <param name="toHead">It answers HEAD: there is no body, whatever the fields say.</param>
    public HeadStatus Read(ReadOnlySpan<byte> buffer, ref HeadScan scan, in HeadLimits limits, bool toHead)
    {
        Fault = HttpFault.None;
        if (buffer.Length > 0 && buffer[0] != 'H') return Refuse(HttpFault.Status);
        if (FindEnd(buffer, ref scan, limits) is not HeadStatus.Complete and var status) return status;
        Reset();
        return ReadStatus(buffer, out var next) && ReadFields(buffer, next) && ReadFraming(toHead) ? HeadStatus.Complete : HeadStatus.Invalid;
    }

    private bool ReadStatus(ReadOnlySpan<byte> buffer, out int next)
    {
        next = buffer.IndexOf((byte)'\n') + 1;
        var line = buffer[..(next - 2)];
        if (line.Length < StatusEnd || !line.StartsWith("HTTP/1."u8) || line[7] is not ((byte)'0' or (byte)'1') || line[8] != ' ') return Refuses(HttpFault.Status);
        var digits = line[StatusStart..StatusEnd];
        if (digits[0] is < (byte)'1' or > (byte)'9' || digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0) return Refuses(HttpFault.Status);

        // The space after the status is not optional, and left out by servers without words to say.
        if (line.Length > StatusEnd && (line[StatusEnd] != ' ' || !HttpBytes.IsFieldValue(line[StatusEnd..]))) return Refuses(HttpFault.Status);
        MinorVersion = line[7] - '0';
        Status = ((digits[0] - '0') * 100) + ((digits[1] - '0') * 10) + digits[2] - '0';
        Reason = line.Length > StatusEnd ? new Place(StatusEnd + 1, line.Length - StatusEnd - 1) : default;
        return true;
    }

    private bool ReadFraming(bool toHead)
    {
        if (HasEncoding && MinorVersion == 0) return Refuses(HttpFault.TransferEncodingInHttp10);
        if (HasEncoding && ContentLength >= 0) return Refuses(HttpFault.LengthAndEncoding);
        var bodiless = toHead || Status < 200 || Status is 204 or 304;
        Framing = bodiless ? BodyFraming.None
            : IsChunked ? BodyFraming.Chunked
            : ContentLength > 0 ? BodyFraming.Length
            : ContentLength == 0 ? BodyFraming.None
            : BodyFraming.UntilClose;

        // A 204 that says it has content (RFC 9112 §6.1, RFC 9110 §8.6) may send it, and it would be taken for the next response.
        var isMisframed = Status == 204 && (HasEncoding || ContentLength > 0);
        KeepsAlive = !SaysClose && (MinorVersion == 1 || SaysKeepAlive) && Framing != BodyFraming.UntilClose && !isMisframed;
        return true;
    }
}
