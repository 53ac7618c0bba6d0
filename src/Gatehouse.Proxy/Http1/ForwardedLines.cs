using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Http1;

/// <summary>The fields that tell the upstream who asked (RFC 7239 and the four that came before it). They are written after hop-by-hop fields are gone, so that no client can name them away.</summary>
internal static class ForwardedLines
{
    /// <summary>Fields that a client's request is not passed on with, because they are written anew.</summary>
    public static bool Replaces(KnownField field) => field is >= KnownField.Forwarded and <= KnownField.XRealIp;

    /// <summary>Writes them.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="which">Which of them.</param>
    /// <param name="head">The request.</param>
    /// <param name="buffer">Its bytes.</param>
    /// <param name="client">Where it came from.</param>
    /// <param name="port">The port that it came to.</param>
    /// <param name="secure">Over TLS.</param>
    /// <param name="trusted">What the client said of itself is kept and added to.</param>
    public static void Write(ref ByteWriter writer, ForwardedFields which, RequestHead head, ReadOnlySpan<byte> buffer, in SocketEndPoint client, int port, bool secure, bool trusted)
    {
        if (trusted) KeepOthers(ref writer, which, head, buffer);
        if ((which & ForwardedFields.XForwarded) != ForwardedFields.None)
        {
            writer.Write("x-forwarded-for: "u8);
            if (trusted) WriteList(ref writer, head, buffer, KnownField.XForwardedFor);
            writer.Advance(client.FormatAddress(writer.Rest));
            WriteOne(ref writer, "\r\nx-forwarded-proto: "u8, trusted, head, buffer, KnownField.XForwardedProto, secure ? "https"u8 : "http"u8);
            WriteOne(ref writer, "\r\nx-forwarded-host: "u8, trusted, head, buffer, KnownField.XForwardedHost, head.Authority.In(buffer));
            WritePort(ref writer, trusted, head, buffer, port);
        }

        if ((which & ForwardedFields.Forwarded) != ForwardedFields.None) WriteForwarded(ref writer, head, buffer, client, secure, trusted);
    }

    /// <summary>Of a trusted client, those that are not written anew are passed on.</summary>
    private static void KeepOthers(ref ByteWriter writer, ForwardedFields which, RequestHead head, ReadOnlySpan<byte> buffer)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (!Replaces(field.Known) || field.Hop) continue;
            var written = field.Known == KnownField.Forwarded ? ForwardedFields.Forwarded : field.Known == KnownField.XRealIp ? ForwardedFields.None : ForwardedFields.XForwarded;
            if ((which & written) == ForwardedFields.None) writer.Write(buffer[field.Start..field.End]);
        }
    }

    private static void WriteOne(ref ByteWriter writer, ReadOnlySpan<byte> start, bool trusted, RequestHead head, ReadOnlySpan<byte> buffer, KnownField known, ReadOnlySpan<byte> own)
    {
        writer.Write(start);
        writer.Write(trusted && Find(head, buffer, known, out var value) ? value : own);
    }

    private static void WritePort(ref ByteWriter writer, bool trusted, RequestHead head, ReadOnlySpan<byte> buffer, int port)
    {
        writer.Write("\r\nx-forwarded-port: "u8);
        if (trusted && Find(head, buffer, KnownField.XForwardedPort, out var value)) writer.Write(value);
        else writer.WriteNumber(port);
        writer.Write("\r\n"u8);
    }

    private static void WriteForwarded(ref ByteWriter writer, RequestHead head, ReadOnlySpan<byte> buffer, in SocketEndPoint client, bool secure, bool trusted)
    {
        writer.Write("forwarded: "u8);
        if (trusted) WriteList(ref writer, head, buffer, KnownField.Forwarded);
        writer.Write(client.IsV6 ? "for=\"["u8 : "for="u8);
        writer.Advance(client.FormatAddress(writer.Rest));
        writer.Write(client.IsV6 ? "]\";host=\""u8 : ";host=\""u8);
        writer.Write(head.Authority.In(buffer));
        writer.Write(secure ? "\";proto=https\r\n"u8 : "\";proto=http\r\n"u8);
    }

    private static void WriteList(ref ByteWriter writer, RequestHead head, ReadOnlySpan<byte> buffer, KnownField known)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Known != known || field.Hop || field.ValueLength == 0) continue;
            writer.Write(buffer.Slice(field.ValueStart, field.ValueLength));
            writer.Write(", "u8);
        }
    }

    private static bool Find(RequestHead head, ReadOnlySpan<byte> buffer, KnownField known, out ReadOnlySpan<byte> value)
    {
        foreach (ref readonly var field in head.Fields)
        {
            if (field.Known != known || field.Hop || field.ValueLength == 0) continue;
            value = buffer.Slice(field.ValueStart, field.ValueLength);
            return true;
        }

        value = default;
        return false;
    }
}
