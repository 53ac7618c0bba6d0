using System.Text;

namespace Gatehouse.Wire.Http1;

/// <summary>Methods that a gateway knows (RFC 9110 §9, RFC 5789).</summary>
public enum HttpMethodKind : byte
{
    Other,
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Patch,
    Trace,
    Connect,
}

/// <summary>The form of a request target (RFC 9112 §3.2).</summary>
public enum TargetForm : byte
{
    /// <summary>A path.</summary>
    Origin,

    /// <summary>A whole URI, as proxies are sent it.</summary>
    Absolute,

    /// <summary>Host and port, for CONNECT.</summary>
    Authority,

    /// <summary><c>*</c>, for OPTIONS.</summary>
    Asterisk,
}

/// <summary>A place in a buffer.</summary>
public readonly record struct Place(int Start, int Length)
{
    /// <summary>Its bytes.</summary>
    public ReadOnlySpan<byte> In(ReadOnlySpan<byte> buffer) => buffer.Slice(Start, Length);
}

/// <summary>The head of a request, read strictly (RFC 9112 §3): nothing is guessed, and what is forbidden is refused.</summary>
public sealed class RequestHead : MessageHead
{
    private const int VersionLength = 8;

    /// <summary>Which method.</summary>
    public HttpMethodKind MethodKind { get; private set; }

    /// <summary>Its name.</summary>
    public Place Method { get; private set; }

    /// <summary>The target as it came.</summary>
    public Place Target { get; private set; }

    /// <summary>Its form.</summary>
    public TargetForm Form { get; private set; }

    /// <summary>Path with query, of origin and absolute form; empty for an absolute target without a path, which means <c>/</c>.</summary>
    public Place PathAndQuery { get; private set; }

    /// <summary>The path alone.</summary>
    public Place Path { get; private set; }

    /// <summary>What follows the question mark; empty without one.</summary>
    public Place Query { get; private set; }

    /// <summary>Host with port as the client wrote it: of an absolute target, else of Host. Empty in HTTP/1.0 without Host.</summary>
    public Place Authority { get; private set; }

    /// <summary>The host alone, with brackets, without a dot at its end.</summary>
    public Place Host { get; private set; }

    /// <summary>The port that was named, or -1.</summary>
    public int Port { get; private set; }

    /// <summary>The client waits for 100 before it sends the body.</summary>
    public bool ExpectsContinue { get; private set; }

    /// <summary>The client goes on with this connection.</summary>
    public bool KeepsAlive { get; private set; }

    /// <summary>Reads as far as it can.</summary>
    /// <param name="buffer">All that came since the last request.</param>
    /// <param name="scan">Default for a new request, then what the last call left.</param>
    /// <param name="limits">How large it may be.</param>
    public HeadStatus Read(ReadOnlySpan<byte> buffer, ref HeadScan scan, in HeadLimits limits)
    {
        Fault = HttpFault.None;

        // What can't be a request is not waited for: a TLS hello on a plain port, say.
        if (buffer.Length > 0 && buffer[0] != '\r' && !HttpBytes.IsToken(buffer[0])) return Refuse(buffer[0] == '\n' ? HttpFault.BareLineFeed : HttpFault.Method);
        if (FindEnd(buffer, ref scan, limits) is not HeadStatus.Complete and var status) return status;
        return ReadWhole(buffer);
    }

    /// <summary>Reads a head again that was complete before, from the same bytes.</summary>
    public void ReadAgain(ReadOnlySpan<byte> buffer)
    {
        var scan = default(HeadScan);
        if (Read(buffer, ref scan, new HeadLimits(int.MaxValue - 4, int.MaxValue, int.MaxValue - 1)) != HeadStatus.Complete)
        {
            throw new System.Diagnostics.UnreachableException("a head that was valid is so no longer: its buffer was written over");
        }
    }

    private HeadStatus ReadWhole(ReadOnlySpan<byte> buffer)
    {
        Reset();
        MethodKind = HttpMethodKind.Other;
        ExpectsContinue = false;
        Port = -1;
        Authority = Host = PathAndQuery = Path = Query = default;
        var start = buffer.StartsWith("\r\n"u8) ? 2 : 0;
        if (!ReadStartLine(buffer, start, out var next) || !ReadFields(buffer, next) || !ReadHost(buffer) || !ReadFraming(buffer)) return HeadStatus.Invalid;
        KeepsAlive = !SaysClose && (MinorVersion == 1 || SaysKeepAlive);
        return HeadStatus.Complete;
    }

    private bool ReadStartLine(ReadOnlySpan<byte> buffer, int start, out int next)
    {
        next = start + buffer[start..].IndexOf((byte)'\n') + 1;
        var line = buffer[start..(next - 2)];
        var method = line.IndexOfAnyExcept(HttpBytes.TokenBytes);
        if (method <= 0 || line[method] != ' ') return Refuses(HttpFault.Method);
        Method = new Place(start, method);
        MethodKind = Methods.Identify(line[..method]);
        var rest = line[(method + 1)..];
        var target = rest.IndexOfAnyExcept(HttpBytes.TargetBytes);
        if (target <= 0 || rest[target] != ' ') return Refuses(HttpFault.Target);
        Target = new Place(start + method + 1, target);
        return ReadVersion(rest[(target + 1)..]) && ReadTarget(buffer);
    }

    private bool ReadVersion(ReadOnlySpan<byte> version)
    {
        if (version.Length != VersionLength || !version.StartsWith("HTTP/"u8) || version[6] != '.') return Refuses(HttpFault.Version);
        if (!char.IsAsciiDigit((char)version[5]) || !char.IsAsciiDigit((char)version[7])) return Refuses(HttpFault.Version);
        if (version[5] != '1' || version[7] > '1') return Refuses(HttpFault.VersionUnsupported);
        MinorVersion = version[7] - '0';
        return true;
    }

    private bool ReadTarget(ReadOnlySpan<byte> buffer)
    {
        var target = Target.In(buffer);
        if (MethodKind == HttpMethodKind.Connect)
        {
            Form = TargetForm.Authority;
            return HostText.TryRead(target, out _, out var port) && port >= 0 || Refuses(HttpFault.Target);
        }

        if (target[0] == '/')
        {
            Form = TargetForm.Origin;
            SetPath(buffer, Target);
            return true;
        }

        if (target is [(byte)'*'])
        {
            Form = TargetForm.Asterisk;
            Path = PathAndQuery = Target;
            return MethodKind == HttpMethodKind.Options || Refuses(HttpFault.Target);
        }

        Form = TargetForm.Absolute;
        var scheme = StartsWithIgnoringCase(target, "http://"u8) ? 7 : StartsWithIgnoringCase(target, "https://"u8) ? 8 : 0;
        if (scheme == 0) return Refuses(HttpFault.Target);
        var end = target[scheme..].IndexOfAny((byte)'/', (byte)'?');
        var authority = end < 0 ? target.Length - scheme : end;
        if (authority == 0) return Refuses(HttpFault.Target); // RFC 9110 §4.2.1.
        Authority = new Place(Target.Start + scheme, authority);
        SetPath(buffer, new Place(Authority.Start + authority, Target.Length - scheme - authority));
        return true;
    }

    private void SetPath(ReadOnlySpan<byte> buffer, Place place)
    {
        PathAndQuery = place;
        var question = place.In(buffer).IndexOf((byte)'?');
        Path = question < 0 ? place : new Place(place.Start, question);
        Query = question < 0 ? default : new Place(place.Start + question + 1, place.Length - question - 1);
    }

    private bool ReadHost(ReadOnlySpan<byte> buffer)
    {
        if (HostIndex < 0 && MinorVersion == 1) return Refuses(HttpFault.HostMissing);
        var absolute = Authority.Length > 0;
        if (HostIndex >= 0)
        {
            var field = Fields[HostIndex];
            var place = new Place(field.ValueStart, field.ValueLength);
            if (!HostText.TryRead(place.In(buffer), out var length, out var port)) return Refuses(HttpFault.Host);
            if (!absolute) SetHost(place, length, port);
        }

        // The host of an absolute target stands for the one in Host (RFC 9112 §3.2.2).
        if (Form != TargetForm.Absolute) return true;
        if (!HostText.TryRead(Authority.In(buffer), out var own, out var ownPort)) return Refuses(HttpFault.Target);
        SetHost(Authority, own, ownPort);
        return true;
    }

    private void SetHost(Place authority, int length, int port)
    {
        Authority = authority;
        Host = new Place(authority.Start, length);
        Port = port;
    }

    private bool ReadFraming(ReadOnlySpan<byte> buffer)
    {
        if (HasEncoding && MinorVersion == 0) return Refuses(HttpFault.TransferEncodingInHttp10);
        if (HasEncoding && ContentLength >= 0) return Refuses(HttpFault.LengthAndEncoding);
        Framing = IsChunked ? BodyFraming.Chunked : ContentLength > 0 ? BodyFraming.Length : BodyFraming.None;
        if (ExpectIndex < 0) return true;
        var field = Fields[ExpectIndex];
        if (!Ascii.EqualsIgnoreCase(buffer.Slice(field.ValueStart, field.ValueLength), "100-continue"u8)) return Refuses(HttpFault.Expectation);

        // HTTP/1.0 knows no 100 (RFC 9110 §10.1.1).
        ExpectsContinue = MinorVersion == 1;
        return true;
    }

    private static bool StartsWithIgnoringCase(ReadOnlySpan<byte> text, ReadOnlySpan<byte> start) => text.Length >= start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);
}

/// <summary>Tells methods by their names, whose case counts (RFC 9110 §9.1).</summary>
public static class Methods
{
    /// <summary>Which method it is.</summary>
    public static HttpMethodKind Identify(ReadOnlySpan<byte> name) => name.Length switch
    {
        3 => name.SequenceEqual("GET"u8) ? HttpMethodKind.Get : name.SequenceEqual("PUT"u8) ? HttpMethodKind.Put : HttpMethodKind.Other,
        4 => name.SequenceEqual("POST"u8) ? HttpMethodKind.Post : name.SequenceEqual("HEAD"u8) ? HttpMethodKind.Head : HttpMethodKind.Other,
        5 => name.SequenceEqual("PATCH"u8) ? HttpMethodKind.Patch : name.SequenceEqual("TRACE"u8) ? HttpMethodKind.Trace : HttpMethodKind.Other,
        6 => name.SequenceEqual("DELETE"u8) ? HttpMethodKind.Delete : HttpMethodKind.Other,
        7 => name.SequenceEqual("OPTIONS"u8) ? HttpMethodKind.Options : name.SequenceEqual("CONNECT"u8) ? HttpMethodKind.Connect : HttpMethodKind.Other,
        _ => HttpMethodKind.Other,
    };

    /// <summary>Sending it twice has the effect of sending it once (RFC 9110 §9.2.2).</summary>
    public static bool IsIdempotent(HttpMethodKind method) =>
        method is HttpMethodKind.Get or HttpMethodKind.Head or HttpMethodKind.Put or HttpMethodKind.Delete or HttpMethodKind.Options or HttpMethodKind.Trace;
}
