using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Wire;
using Gatehouse.Wire.ProxyProtocol;

namespace Gatehouse.TestKit.Fuzz;

/// <summary>
/// PROXY headers, right and broken. The reader keeps no state, so each part of an input from its first byte on is read: all must be
/// incomplete up to the one that decides, and all behind it must say the same. Version 1 is compared with a model of its grammar.
/// </summary>
public static partial class ProxyHeaderFuzz
{
    /// <summary>Runs <paramref name="count"/> inputs; every difference with the seed and the input that show it, ten at most.</summary>
    public static IReadOnlyList<string> Run(int seed, int count) => FuzzRun.Run(seed, count, Compare);

    private static string? Compare(Random random)
    {
        var written = Header(random, out var header, out var isLine);
        var input = random.Next(6) switch
        {
            0 => FuzzRun.Noise(random, 60),
            1 => [.. written, .. FuzzRun.Noise(random, 20)],
            2 => Start(random, FuzzRun.Noise(random, 120)),
            _ => FuzzRun.Mutate(random, written),
        };
        return CompareParts(input) ?? CompareModel(input) ?? CompareWritten(written, isLine ? AsLine(header) : header);
    }

    private static string? CompareParts(byte[] input)
    {
        var whole = Read(input);
        var decided = whole.Status == ProxyStatus.Incomplete ? input.Length + 1 : 0;
        for (var length = 0; length <= input.Length; length++)
        {
            var part = Read(input.AsSpan(0, length));
            if (decided == 0 && part.Status != ProxyStatus.Incomplete)
            {
                decided = length;
            }

            var expected = decided == 0 || length < decided ? default : whole;
            if (part != expected)
            {
                return $"{FuzzRun.Show(input)}: whole {whole}, the first {length} bytes {part}";
            }
        }

        return whole.Status == ProxyStatus.Complete && whole.Consumed != decided
            ? $"{FuzzRun.Show(input)}: {whole}, but it was complete with {decided} bytes"
            : null;
    }

    private static string? CompareModel(byte[] input)
    {
        var line = Line().Match(Encoding.Latin1.GetString(input));
        var whole = Read(input);
        if (input.Length > 0 && input[0] == '\r')
        {
            return line.Success ? "the model is wrong" : null;
        }

        var model = line.Success && line.Length <= ProxyHeaderWriter.MaxLine ? Model(line) : null;
        return model is { } header && (whole.Header != header || whole.Consumed != line.Length) || (model is null && whole.Status == ProxyStatus.Complete)
            ? $"{FuzzRun.Show(input)}: {whole}, but the grammar says {model?.ToString() ?? "no header"}"
            : null;
    }

    private static string? CompareWritten(byte[] written, ProxyHeader header)
    {
        var read = Read(written);
        return read.Status != ProxyStatus.Complete || read.Header != header || read.Consumed != written.Length
            ? $"{FuzzRun.Show(written)}: {read}, but {header} was written"
            : null;
    }

    private static ProxyHeader? Model(Match line)
    {
        if (!line.Groups["source"].Success)
        {
            return new ProxyHeader { Command = ProxyCommand.Proxy };
        }

        var family = line.Groups["family"].Value == "4" ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        return EndPoint("source", "from") is { } source && EndPoint("destination", "to") is { } destination
            ? new ProxyHeader { Command = ProxyCommand.Proxy, Source = source, Destination = destination }
            : null;

        WireEndPoint? EndPoint(string address, string port)
            => (family == AddressFamily.InterNetworkV6 || Quad().IsMatch(line.Groups[address].Value))
                && DottedEnd().IsMatch(line.Groups[address].Value)
                && IPAddress.TryParse(line.Groups[address].Value, out var parsed) && parsed.AddressFamily == family
                && ushort.TryParse(line.Groups[port].Value, out var number)
                ? new WireEndPoint(new IPEndPoint(parsed, number))
                : null;
    }

    /// <summary>What version 1 can say of a header.</summary>
    private static ProxyHeader AsLine(ProxyHeader header)
        => header.Command == ProxyCommand.Local || header.IsDatagram ? new ProxyHeader { Command = ProxyCommand.Proxy } : header;

    private static byte[] Header(Random random, out ProxyHeader header, out bool isLine)
    {
        var family = random.Next(4);
        header = new ProxyHeader { Command = family == 0 ? ProxyCommand.Local : ProxyCommand.Proxy };
        if (family > 1)
        {
            header = header with { IsDatagram = random.Next(4) == 0, Source = EndPoint(random, family == 3), Destination = EndPoint(random, family == 3) };
        }

        var buffer = new byte[ProxyHeaderReader.DefaultMaxLength];
        isLine = random.Next(2) == 0;
        if (isLine)
        {
            return buffer[..ProxyHeaderWriter.WriteLine(buffer, header)];
        }

        var tlvs = new ProxyTlvs
        {
            Alpn = random.Next(2) == 0 ? "h2"u8 : default,
            Authority = FuzzRun.Noise(random, 30),
            Checksum = random.Next(2) == 0,
        };
        return buffer[..ProxyHeaderWriter.WriteBinary(buffer, header, tlvs)];
    }

    /// <summary>Groups of zeros and other shapes that change how an address is written; none that is mapped from IPv4.</summary>
    private static WireEndPoint EndPoint(Random random, bool v6)
    {
        Span<byte> address = stackalloc byte[v6 ? 16 : 4];
        random.NextBytes(address);
        for (var at = 0; at < address.Length; at += 2)
        {
            address.Slice(at, random.Next(3) == 0 ? 2 : 0).Clear();
        }

        address[0] |= 0x20;
        return new WireEndPoint(address, (ushort)(random.Next(4) == 0 ? random.Next(10) : random.Next(65_536)));
    }

    private static byte[] Start(Random random, byte[] noise)
    {
        byte[][] starts =
        [
            [.. "PROXY "u8], [.. "PROXY TCP4 "u8], [.. "PROXY TCP6 "u8], [.. "PROXY TCP6 ::"u8], [.. "PROXY UNKNOWN"u8],
            [.. "\r\n\r\n\0\r\nQUIT\n"u8], [.. "\r\n\r\n\0\r\nQUIT\n\x21\x11\0"u8], [.. "\r\n\r\n\0\r\nQUIT\n\x21\0\0\x20"u8],
        ];
        return [.. starts[random.Next(starts.Length)], .. noise];
    }

    private static Outcome Read(ReadOnlySpan<byte> bytes)
    {
        var status = ProxyHeaderReader.Read(bytes, out var header, out var consumed, out var fault);
        return new Outcome(status, status == ProxyStatus.Complete ? header : default, consumed, fault);
    }

    [GeneratedRegex(
        @"\APROXY (?:UNKNOWN(?: [\x20-\x7E]*)?|TCP(?<family>4|6) (?<source>[0-9A-Fa-f:.]+) (?<destination>[0-9A-Fa-f:.]+) (?<from>0|[1-9][0-9]{0,4}) (?<to>0|[1-9][0-9]{0,4}))\r\n",
        RegexOptions.CultureInvariant, 5_000)]
    private static partial Regex Line();

    [GeneratedRegex(@"\A(?:(?:0|[1-9][0-9]{0,2})(?:\.(?!\z)|\z)){4}\z", RegexOptions.CultureInvariant, 5_000)]
    private static partial Regex Quad();

    /// <summary>Groups of at most four digits; a dotted end without leading zeros: .NET's reader is more generous.</summary>
    [GeneratedRegex(@"\A(?:[0-9A-Fa-f]{0,4}:)*(?:[0-9A-Fa-f]{0,4}|(?:(?:0|[1-9][0-9]{0,2})(?:\.(?!\z)|\z)){4})\z", RegexOptions.CultureInvariant, 5_000)]
    private static partial Regex DottedEnd();

    private readonly record struct Outcome(ProxyStatus Status, ProxyHeader Header, int Consumed, ProxyFault Fault);
}
