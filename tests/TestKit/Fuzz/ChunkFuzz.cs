using System.Text;
using Gatehouse.Wire.Http1;

namespace Gatehouse.TestKit.Fuzz;

/// <summary>
/// Chunked bodies, right and broken, read whole, byte by byte, in random pieces, and by a model of the grammar: data, trailers, status,
/// fault and place must be the same.
/// </summary>
public static class ChunkFuzz
{
    private static readonly ChunkLimits Limits = new() { ExtensionBytes = 40, MessageExtensionBytes = 90, TrailerFields = 4, TrailerBytes = 120 };

    private static readonly string[] Extensions =
        ["", "", "", ";a", ";a=b", " ; a = b", ";a=\"x y\\\"\"", ";name=value;other", "\t;\ta\t=\t\"\"", ";long=abcdefghijklmnopqrstuvwxyzabcdefghij"];

    /// <summary>One step beside the grammar, or far beyond a bound.</summary>
    private static readonly string[] Wrong =
    [
        " ", ";", "; ", ";a ", ";a=", ";a=b ", ";a=\"b", ";a=\"b\" ", ";a=\"b\"c", ";=b", ";a;", ";a==b", "\n", "\r", ";a\rb", ";a=\"\n\"",
        "7fffffffffffffff", "0ffffffffffffffff", "8000000000000000", "fffffffffffffff", "1fffffffffffffff", "00000000000000000000000000000000",
    ];

    private static readonly string[] Trailers =
        ["", "", "", "A: 1\r\n", "grpc-status: 0\r\n", "Host: evil\r\n", "Transfer_Encoding: chunked\r\n", "content-md5:x\r\nB:\r\n", "x-long: 01234567890123456789012345\r\n"];

    /// <summary>Runs <paramref name="count"/> inputs; every difference with the seed and the input that show it, ten at most.</summary>
    public static IReadOnlyList<string> Run(int seed, int count)
    {
        var pool = new TrailerPool(Limits, idle: 1);
        return FuzzRun.Run(seed, count, random => Compare(random, pool));
    }

    private static string? Compare(Random random, TrailerPool pool)
    {
        var kind = random.Next(9);
        var body = Body(random, kind == 8 ? Wrong : Extensions);
        var input = kind switch
        {
            0 => FuzzRun.Noise(random, 60),
            1 => body,
            2 => body[..random.Next(body.Length)],
            3 => [.. body, .. FuzzRun.Noise(random, 20)],
            8 => body,
            _ => FuzzRun.Mutate(random, body),
        };
        var whole = Decode(input, pool, static (_, left) => left, random);
        var single = Decode(input, pool, static (_, _) => 1, random);
        var pieces = Decode(input, pool, static (random, left) => random.Next(0, Math.Min(left, 20) + 1), random);
        var model = ChunkModel.Read(input, Limits);
        var expected = model is { } m ? (ChunkStatus.Done, m.Data, m.Trailers, m.Length) : default;
        return whole.Differs(single) ? Tell("byte by byte", input, whole, single)
            : whole.Differs(pieces) ? Tell("in pieces", input, whole, pieces)
            : (whole.Status == ChunkStatus.Done) != model.HasValue ? $"{FuzzRun.Show(input)}: {whole}, but the grammar says {(model.HasValue ? "done" : "not done")}"
            : model.HasValue && whole.Differs(new(expected.Item1, ChunkFault.None, expected.Length, expected.Data, expected.Trailers, whole.Dropped))
                ? $"{FuzzRun.Show(input)}: {whole}, but the grammar says {FuzzRun.Show(expected.Data)}, {expected.Trailers}, {expected.Length}"
            : kind == 2 && whole.Status == ChunkStatus.Invalid && !IsOverLimit(whole.Fault) ? $"{FuzzRun.Show(input)}: a part of a right body is {whole}"
            : pool.InUse != 0 ? $"{FuzzRun.Show(input)}: a trailer buffer was not given back"
            : null;
    }

    private static bool IsOverLimit(ChunkFault fault)
        => fault is ChunkFault.ExtensionTooLong or ChunkFault.ExtensionsTooLong or ChunkFault.TrailerBytes or ChunkFault.TrailerFields;

    private static string Tell(string how, byte[] input, Outcome whole, Outcome other) => $"{FuzzRun.Show(input)}: whole {whole}; {how} {other}";

    private static Outcome Decode(byte[] input, TrailerPool pool, Func<Random, int, int> size, Random random)
    {
        var reader = new ChunkReader(pool);
        var data = new List<byte>();
        var position = 0;
        var status = ChunkStatus.NeedMore;
        var buffer = new byte[input.Length];
        while (position < input.Length && status == ChunkStatus.NeedMore)
        {
            var piece = buffer.AsSpan(0, size(random, input.Length - position));
            var given = input.AsSpan(position, piece.Length);
            given.CopyTo(piece);
            status = reader.Read(piece, out var consumed, out var produced);
            if (produced > consumed || consumed > piece.Length || (status == ChunkStatus.NeedMore && consumed != piece.Length))
            {
                throw new InvalidOperationException($"{FuzzRun.Show(input)}: {status} with {consumed} of {piece.Length} consumed and {produced} produced");
            }

            if (!piece[consumed..].SequenceEqual(given[consumed..]))
            {
                throw new InvalidOperationException($"{FuzzRun.Show(input)}: what is behind the body was touched");
            }

            data.AddRange(piece[..produced]);
            position += consumed;
        }

        var trailers = reader.Trailers is { } t ? Encoding.Latin1.GetString(t.Lines) : "";
        var outcome = new Outcome(status, reader.Fault, position, [.. data], status == ChunkStatus.Done ? trailers : "", reader.Trailers?.Dropped ?? 0);
        reader.Reset();
        return outcome;
    }

    /// <summary>A body with these extensions; a right one, if they are, apart from limits that it may exceed.</summary>
    private static byte[] Body(Random random, string[] extensions)
    {
        var body = new List<byte>();
        for (var chunks = random.Next(5); chunks > 0; chunks--)
        {
            var data = FuzzRun.Noise(random, random.Next(4) == 0 ? 300 : 12);
            if (data.Length > 0)
            {
                body.AddRange(Encoding.Latin1.GetBytes($"{Size(random, data.Length)}{extensions[random.Next(extensions.Length)]}\r\n"));
                body.AddRange(data);
                body.AddRange("\r\n"u8);
            }
        }

        body.AddRange(Encoding.Latin1.GetBytes($"{new string('0', random.Next(1, 3))}{extensions[random.Next(extensions.Length)]}\r\n"));
        for (var lines = random.Next(4); lines > 0; lines--)
        {
            body.AddRange(Encoding.Latin1.GetBytes(Trailers[random.Next(Trailers.Length)]));
        }

        body.AddRange("\r\n"u8);
        return [.. body];
    }

    private static string Size(Random random, int size)
        => (random.Next(2) == 0 ? size.ToString("x") : size.ToString("X")).PadLeft(random.Next(6) == 0 ? random.Next(1, 33) : 1, '0');

    private sealed record Outcome(ChunkStatus Status, ChunkFault Fault, int Position, byte[] Data, string Trailers, int Dropped)
    {
        public bool Differs(Outcome other)
            => (Status, Fault, Position, Trailers, Dropped) != (other.Status, other.Fault, other.Position, other.Trailers, other.Dropped)
                || !Data.AsSpan().SequenceEqual(other.Data);

        public override string ToString() => $"{Status} {Fault} at {Position}, data {FuzzRun.Show(Data)}, trailers {Trailers.Length} bytes, {Dropped} dropped";
    }
}
