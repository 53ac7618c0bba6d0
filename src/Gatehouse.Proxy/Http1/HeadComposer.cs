using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>Composes what goes on out of what came: end-to-end fields byte for byte and in their order, framing and connection anew (RFC 9110 §7.6, RFC 9112 §6).</summary>
internal static class HeadComposer
{
    /// <summary>What a request's head is composed with besides its own bytes.</summary>
    internal readonly ref struct RequestSetting
    {
        public required ForwardedFields Forwarded { get; init; }

        public required SocketEndPoint Client { get; init; }

        public required int Port { get; init; }

        public required bool Secure { get; init; }

        public required bool Trusted { get; init; }

        /// <summary>Ask for the change of protocol that the client asks for.</summary>
        public required bool Upgrade { get; init; }
    }

    /// <summary>The head for the upstream, in HTTP/1.1 and origin form. The length.</summary>
    public static int Request(Span<byte> into, RequestHead head, ReadOnlySpan<byte> buffer, in RequestSetting setting)
    {
        var writer = new ByteWriter(into);
        WriteRequestLine(ref writer, head, buffer);
        if (head.Form == TargetForm.Absolute || head.Authority.Length == 0) WriteHost(ref writer, head, buffer);
        WriteFields(ref writer, head.Fields, buffer, DropsOf(head));
        ForwardedLines.Write(ref writer, setting.Forwarded, head, buffer, setting.Client, setting.Port, setting.Secure, setting.Trusted);
        WriteFraming(ref writer, head.Framing, head.ContentLength);
        if (setting.Upgrade)
        {
            ref readonly var upgrade = ref head.Fields[head.UpgradeIndex];
            writer.Write("connection: upgrade\r\n"u8);
            writer.Write(buffer[upgrade.Start..upgrade.End]);
        }
        else if (head.TakesTrailers)
        {
            writer.Write("te: trailers\r\nconnection: te\r\n"u8);
        }

        writer.Write("\r\n"u8);
        return writer.Length;
    }

    /// <summary>The head for the client. The length.</summary>
    /// <param name="into">Where to.</param>
    /// <param name="head">The upstream's.</param>
    /// <param name="buffer">Its bytes.</param>
    /// <param name="framing">How its body goes on.</param>
    /// <param name="close">The connection ends after it.</param>
    /// <param name="keepAlive">The client must be told that it does not (HTTP/1.0).</param>
    /// <param name="upgrade">It is a 101.</param>
    /// <param name="date">The time, as <see cref="HttpDate"/> has it: a final response without Date gets one from who passes it on (RFC 9110 §6.6.1). Empty: none is added.</param>
    public static int Response(Span<byte> into, ResponseHead head, ReadOnlySpan<byte> buffer, BodyFraming framing, bool close, bool keepAlive, bool upgrade, ReadOnlySpan<byte> date)
    {
        var writer = new ByteWriter(into);
        writer.Write("HTTP/1.1 "u8);
        writer.WriteNumber(head.Status);
        writer.Write((byte)' ');
        writer.Write(head.Reason.In(buffer));
        writer.Write("\r\n"u8);
        WriteFields(ref writer, head.Fields, buffer, Drops.Length);
        if (upgrade)
        {
            writer.Write("connection: upgrade\r\n"u8);
            if (head.UpgradeIndex >= 0) writer.Write(buffer[head.Fields[head.UpgradeIndex].Start..head.Fields[head.UpgradeIndex].End]);
        }
        else if (head.Status >= 200)
        {
            WriteMissing(ref writer, head, date);

            // To HEAD and with 304 the length is that of the content that is not sent (RFC 9110 §8.6); with 204 there is none.
            if (head.Status != 204) WriteFraming(ref writer, framing == BodyFraming.None && head.ContentLength >= 0 ? BodyFraming.Length : framing, head.ContentLength);
            if (close) writer.Write("connection: close\r\n"u8);
            else if (keepAlive) writer.Write("connection: keep-alive\r\n"u8);
        }

        writer.Write("\r\n"u8);
        return writer.Length;
    }

    [Flags]
    private enum Drops
    {
        None = 0,
        Length = 1,
        Host = 2,
        Expect = 4,
        Forwarded = 8,
    }

    private static Drops DropsOf(RequestHead head) =>
        Drops.Length | Drops.Forwarded
        | (head.Form == TargetForm.Absolute ? Drops.Host : Drops.None)
        | (head.ExpectsContinue ? Drops.None : Drops.Expect);

    private static void WriteRequestLine(ref ByteWriter writer, RequestHead head, ReadOnlySpan<byte> buffer)
    {
        writer.Write(head.Method.In(buffer));
        writer.Write((byte)' ');
        var path = head.PathAndQuery.In(buffer);

        // An absolute target without a path means the root, and of OPTIONS the server as a whole (RFC 9112 §3.2.4).
        if (path.IsEmpty) writer.Write(head.MethodKind == HttpMethodKind.Options ? "*"u8 : "/"u8);
        else if (path[0] == '?') writer.Write((byte)'/');
        writer.Write(path);
        writer.Write(" HTTP/1.1\r\n"u8);
    }

    private static void WriteMissing(ref ByteWriter writer, ResponseHead head, ReadOnlySpan<byte> date)
    {
        if (!head.HasDate && !date.IsEmpty)
        {
            writer.Write("date: "u8);
            writer.Write(date);
            writer.Write("\r\n"u8);
        }

        if (!head.HasServer) writer.Write("server: gatehouse\r\n"u8);
    }

    private static void WriteHost(ref ByteWriter writer, RequestHead head, ReadOnlySpan<byte> buffer)
    {
        writer.Write("host: "u8);
        writer.Write(head.Authority.In(buffer));
        writer.Write("\r\n"u8);
    }

    /// <summary>Lines that stay are copied together with their neighbours that stay.</summary>
    private static void WriteFields(ref ByteWriter writer, ReadOnlySpan<FieldLine> fields, ReadOnlySpan<byte> buffer, Drops drops)
    {
        if (fields.IsEmpty) return;
        var start = fields[0].Start;
        foreach (ref readonly var field in fields)
        {
            if (!field.Hop && (field.Known == KnownField.Other || !IsDropped(field.Known, drops))) continue;
            writer.Write(buffer[start..field.Start]);
            start = field.End;
        }

        writer.Write(buffer[start..fields[^1].End]);
    }

    private static bool IsDropped(KnownField field, Drops drops) => field switch
    {
        KnownField.ContentLength or KnownField.TransferEncoding => (drops & Drops.Length) != Drops.None,
        KnownField.Host => (drops & Drops.Host) != Drops.None,
        KnownField.Expect => (drops & Drops.Expect) != Drops.None,
        _ => (drops & Drops.Forwarded) != Drops.None && ForwardedLines.Replaces(field),
    };

    private static void WriteFraming(ref ByteWriter writer, BodyFraming framing, long length)
    {
        if (framing == BodyFraming.Chunked) writer.Write("transfer-encoding: chunked\r\n"u8);
        else if (framing == BodyFraming.Length || length == 0)
        {
            writer.Write("content-length: "u8);
            writer.WriteNumber(length);
            writer.Write("\r\n"u8);
        }
    }
}
