using System.Text;
using Gatehouse.Wire.Tls;

namespace Gatehouse.TestKit.Fuzz;

/// <summary>First bytes of TLS connections, right and broken, read whole, byte by byte and in random pieces: name, protocols, status and fault must be the same.</summary>
public static class ClientHelloFuzz
{
    private static readonly string[] Hosts = ["example.com", "A.Example", "x", "10.0.0.1", "::1", "a_b.c-d.e", "xn--nxasmq6b.test"];

    /// <summary>Runs <paramref name="count"/> inputs; every difference with the seed and the input that show it, ten at most.</summary>
    public static IReadOnlyList<string> Run(int seed, int count)
    {
        var scratch = new byte[ClientHelloReader.MaxLength];
        return FuzzRun.Run(seed, count, random => Compare(random, scratch));
    }

    private static string? Compare(Random random, byte[] scratch)
    {
        var builder = new HelloBuilder { Session = new byte[random.Next(33)], Ciphers = new byte[2 * random.Next(1, 20)] };
        var host = Hosts[random.Next(Hosts.Length)];
        Extend(builder, random, host);
        var message = builder.Message();
        var size = random.Next(3) == 0 ? random.Next(Math.Max(1, message.Length / 80), message.Length) : message.Length;
        var right = HelloBuilder.Records(message, size);
        var records = (message.Length + size - 1) / size;
        var kind = random.Next(6);
        var input = kind switch
        {
            0 => FuzzRun.Noise(random, 60),
            1 or 2 => HelloBuilder.Records(FuzzRun.Mutate(random, message) is { Length: > 0 } mutated ? mutated : [1], size),
            3 => [.. right, .. FuzzRun.Noise(random, 20)],
            _ => FuzzRun.Mutate(random, right),
        };
        var whole = Read(input, scratch, static (_, left) => left, random);
        var single = Read(input, scratch, static (_, _) => 1, random);
        var pieces = Read(input, scratch, static (random, left) => random.Next(0, Math.Min(left, 60) + 1), random);
        var isName = !char.IsAsciiDigit(host[0]) && host[0] != ':';
        var expected = new Outcome(HelloStatus.Complete, HelloFault.None, isName ? host.ToLowerInvariant() : "", "h2,http/1.1");
        return whole != single ? $"{FuzzRun.Show(input)}: whole {whole}, byte by byte {single}"
            : whole != pieces ? $"{FuzzRun.Show(input)}: whole {whole}, in pieces {pieces}"
            : kind == 3 && whole != expected && !(records > ClientHelloReader.MaxRecords && whole.Fault == HelloFault.TooManyRecords) ? $"{FuzzRun.Show(input)}: {whole}, but {expected} was written"
            : null;
    }

    private static void Extend(HelloBuilder builder, Random random, string host)
    {
        var types = Enumerable.Range(20, 40).ToArray();
        random.Shuffle(types);
        foreach (var type in types.AsSpan(0, random.Next(6)))
        {
            builder.Add(type, new byte[random.Next(20)]);
        }

        builder.Names(Encoding.ASCII.GetBytes(host)).Protocols([.. "h2"u8], [.. "http/1.1"u8]);
        builder.Add(random.Next(100, 65_536), new byte[random.Next(20)]);
    }

    private static Outcome Read(byte[] input, byte[] scratch, Func<Random, int, int> more, Random random)
    {
        var reader = default(ClientHelloReader);
        var status = HelloStatus.Incomplete;
        var hello = default(ClientHello);
        for (var length = 0; length < input.Length && status == HelloStatus.Incomplete;)
        {
            length += more(random, input.Length - length);
            status = reader.Read(input.AsSpan(0, length), scratch, out hello);
        }

        if (status != HelloStatus.Complete && hello != default)
        {
            throw new InvalidOperationException($"{FuzzRun.Show(input)}: {status} with {hello}");
        }

        var protocols = new StringBuilder();
        foreach (var name in hello.Protocols(scratch))
        {
            protocols.Append(protocols.Length == 0 ? "" : ",").Append(Encoding.Latin1.GetString(name));
        }

        return new Outcome(status, reader.Fault, Encoding.Latin1.GetString(hello.Name(scratch)), protocols.ToString());
    }

    private readonly record struct Outcome(HelloStatus Status, HelloFault Fault, string Name, string Protocols);
}
