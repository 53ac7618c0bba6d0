using System.Text;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.Tests.Http1;

/// <summary>Chunked bodies as text in Latin-1: what is read, and what is refused at which byte (RFC 9112 §7.1).</summary>
public sealed class ChunkReaderTests
{
    /// <summary>A right body, what follows it, its data, and its trailers.</summary>
    public static TheoryData<string, string, string, string> Right => new()
    {
        { "0\r\n\r\n", "", "", "" },
        { "5\r\nhello\r\n0\r\n\r\n", "", "hello", "" },
        { "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n", "hello world", "" },
        { "a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", "0\r\n\r\n", "01234567890123456789", "" },
        { "00000000000000000000000000000005\r\nhello\r\n00000000000000000000000000000000\r\n\r\n", "", "hello", "" },
        { "07\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "x", "\r\n0\r\n\r\n", "" }, // data that looks like an end
        { "010\r\n0123456789abcdef\r\n0\r\n\r\n", "", "0123456789abcdef", "" }, // not octal
        { "1;a\r\nx\r\n1;a=b;c=\"d e\"\r\ny\r\n0;last\r\n\r\n", "", "xy", "" },
        { "1 ;\ta = \"\\\"\\\\ \u00FF\t\" ; b\r\nx\r\n0\r\n\r\n", "", "x", "" },
        { "1;a=\"\"\r\nx\r\n0\r\n\r\n", "", "x", "" },
        { "0\r\ngrpc-status: 0\r\nX:\r\n\r\n", "next", "", "grpc-status: 0\r\nX:\r\n" },
        { "0\r\nA:\t b \u00E4 \r\na: c\r\n\r\n", "", "", "A:\t b \u00E4 \r\na: c\r\n" },
        { "0\r\nContent-Length: 5\r\nX-Sum: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "", "", "X-Sum: 1\r\n" },
    };

    /// <summary>A broken body: the rule, and how many bytes are right.</summary>
    public static TheoryData<string, ChunkFault, int> Wrong => new()
    {
        // Numbers.
        { "\r\n", ChunkFault.SizeMissing, 0 },
        { ";a\r\n", ChunkFault.SizeMissing, 0 },
        { "-1\r\n", ChunkFault.SizeMissing, 0 },
        { "+5\r\nhello\r\n", ChunkFault.SizeMissing, 0 },
        { " 5\r\nhello\r\n", ChunkFault.SizeMissing, 0 },
        { "g\r\n", ChunkFault.SizeMissing, 0 },
        { "\0\r\n", ChunkFault.SizeMissing, 0 },
        { "0x5\r\nhello\r\n", ChunkFault.SizeDigit, 1 },
        { "1_0\r\n", ChunkFault.SizeDigit, 1 },
        { "5g\r\n", ChunkFault.SizeDigit, 1 },
        { "5,5\r\n", ChunkFault.SizeDigit, 1 },
        { "5.0\r\n", ChunkFault.SizeDigit, 1 },
        { "5-\r\n", ChunkFault.SizeDigit, 1 },
        { "5 \r\nhello\r\n", ChunkFault.SizeDigit, 2 },
        { "5\t\r\nhello\r\n", ChunkFault.SizeDigit, 2 },
        { "5 5\r\n", ChunkFault.SizeDigit, 2 },
        { "5\u000B\r\n", ChunkFault.SizeDigit, 1 },
        { "5\u000C\r\n", ChunkFault.SizeDigit, 1 },
        { "5\u00A0\r\n", ChunkFault.SizeDigit, 1 },
        { "5\u0085\r\n", ChunkFault.SizeDigit, 1 },
        { "5\0\r\n", ChunkFault.SizeDigit, 1 },
        { "8000000000000000\r\n", ChunkFault.SizeOverflow, 15 },
        { "ffffffffffffffff\r\n", ChunkFault.SizeOverflow, 15 },
        { "10000000000000005\r\n", ChunkFault.SizeOverflow, 16 },
        { "100000005ffffffff00000000\r\n", ChunkFault.SizeOverflow, 16 },
        { "000000000000000000000000000000005\r\n", ChunkFault.SizeTooLong, 32 },

        // Ends of lines.
        { "5\nhello\r\n0\r\n\r\n", ChunkFault.BareLineFeed, 1 },
        { "5\rhello\r\n0\r\n\r\n", ChunkFault.BareCarriageReturn, 2 },
        { "5\r\rhello", ChunkFault.BareCarriageReturn, 2 },
        { "5\rX\nhello", ChunkFault.BareCarriageReturn, 2 },
        { "5\r\nhello\n0\r\n\r\n", ChunkFault.DataEnd, 8 },
        { "5\r\nhello\r0\r\n\r\n", ChunkFault.DataEnd, 9 },
        { "5\r\nhelloXX0\r\n\r\n", ChunkFault.DataEnd, 8 },
        { "5\r\nhello0\r\n\r\n", ChunkFault.DataEnd, 8 },
        { "4\r\nhello\r\n0\r\n\r\n", ChunkFault.DataEnd, 7 },
        { "6\r\nhello\r\n0\r\n\r\n", ChunkFault.DataEnd, 9 },
        { "0\n\r\n", ChunkFault.BareLineFeed, 1 },
        { "0\r\n\n", ChunkFault.BareLineFeed, 3 },
        { "0\r\n\rX", ChunkFault.BareCarriageReturn, 4 },
        { "0\r\n\r\rX", ChunkFault.BareCarriageReturn, 4 },
        { "0\r\nX: y\n\r\n", ChunkFault.BareLineFeed, 7 },
        { "0\r\nX: y\rZ\r\n", ChunkFault.BareCarriageReturn, 8 },
        { "0\r\nX: y\r\n\rX", ChunkFault.BareCarriageReturn, 10 },

        // Extensions.
        { "5;\r\nhello", ChunkFault.Extension, 2 },
        { "5; \r\n", ChunkFault.Extension, 3 },
        { "5;a \r\n", ChunkFault.Extension, 4 },
        { "5;a=\r\n", ChunkFault.Extension, 4 },
        { "5;=b\r\n", ChunkFault.Extension, 2 },
        { "5;a==b\r\n", ChunkFault.Extension, 4 },
        { "5;a=b \r\n", ChunkFault.Extension, 6 },
        { "5;a b\r\n", ChunkFault.Extension, 4 },
        { "5;a=b c\r\n", ChunkFault.Extension, 6 },
        { "5;;a\r\n", ChunkFault.Extension, 2 },
        { "5;a;\r\n", ChunkFault.Extension, 4 },
        { "5;a=\"b\"c\r\n", ChunkFault.Extension, 7 },
        { "5;a=\"b\\\u0001\"\r\n", ChunkFault.Extension, 7 },
        { "5;a=\"\u007F\"\r\n", ChunkFault.Extension, 5 },
        { "5;a=\"\0\"\r\n", ChunkFault.Extension, 5 },
        { "5;a\u0001\r\n", ChunkFault.Extension, 3 },
        { "5;\u00E4\r\n", ChunkFault.Extension, 2 },
        { "5;a\nhello\r\n0\r\n\r\n", ChunkFault.BareLineFeed, 3 }, // CVE-2025-55315 is about these
        { "5;\nhello\r\n0\r\n\r\n", ChunkFault.BareLineFeed, 2 },
        { "5;a\rhello\r\n0\r\n\r\n", ChunkFault.BareCarriageReturn, 4 },
        { "5;a=\"\r\nhello\"\r\n", ChunkFault.BareCarriageReturn, 5 },
        { "5;a=\"\nhello\"\r\n", ChunkFault.BareLineFeed, 5 },
        { "5;a=\"\\\r\n\"\r\n", ChunkFault.BareCarriageReturn, 6 },

        // Trailers.
        { "0\r\n: x\r\n\r\n", ChunkFault.TrailerName, 3 },
        { "0\r\nX\r\n\r\n", ChunkFault.TrailerName, 4 },
        { "0\r\nX\nY: 1\r\n", ChunkFault.BareLineFeed, 4 },
        { "0\r\nX : y\r\n\r\n", ChunkFault.TrailerSpaceBeforeColon, 4 },
        { "0\r\nX\t: y\r\n\r\n", ChunkFault.TrailerSpaceBeforeColon, 4 },
        { "0\r\nX y: z\r\n\r\n", ChunkFault.TrailerSpaceBeforeColon, 4 },
        { "0\r\nX\u00E4: z\r\n\r\n", ChunkFault.TrailerName, 4 },
        { "0\r\nX\0: z\r\n\r\n", ChunkFault.TrailerName, 4 },
        { "0\r\n X: y\r\n\r\n", ChunkFault.TrailerFolded, 3 },
        { "0\r\nX: y\r\n z\r\n\r\n", ChunkFault.TrailerFolded, 9 },
        { "0\r\nX: y\r\n\tz\r\n\r\n", ChunkFault.TrailerFolded, 9 },
        { "0\r\nX: \0\r\n\r\n", ChunkFault.TrailerValue, 6 },
        { "0\r\nX: \u007F\r\n\r\n", ChunkFault.TrailerValue, 6 },
        { "0\r\nX: a\u001Fb\r\n\r\n", ChunkFault.TrailerValue, 7 },
        { "0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ChunkFault.TrailerSpaceBeforeColon, 6 },
    };

    [Theory]
    [MemberData(nameof(Right))]
    public void A_right_body_is_read_to_its_end_and_no_further(string body, string behind, string data, string trailers)
    {
        Assert.All(Splits(body + behind), result =>
        {
            Assert.Equal((ChunkStatus.Done, ChunkFault.None, body.Length), (result.Status, result.Fault, result.Position));
            Assert.Equal((data, trailers), (result.Data, result.Trailers));
        });
        for (var length = 0; length < body.Length; length++)
        {
            Assert.All(Splits(body[..length]), result => Assert.Equal((ChunkStatus.NeedMore, length), (result.Status, result.Position)));
        }
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_broken_body_is_refused_at_the_byte_that_breaks_it(string body, ChunkFault fault, int position)
    {
        Assert.All(Splits(body), result => Assert.Equal((ChunkStatus.Invalid, fault, position), (result.Status, result.Fault, result.Position)));
        Assert.Equal(ChunkStatus.NeedMore, Splits(body[..position])[0].Status);
    }

    [Fact]
    public void Every_fault_but_the_bounds_stands_in_the_table_and_has_a_text_of_its_own()
    {
        ChunkFault[] bounds = [ChunkFault.None, ChunkFault.ExtensionTooLong, ChunkFault.ExtensionsTooLong, ChunkFault.TrailerFields, ChunkFault.TrailerBytes];
        Assert.Equal(Enum.GetValues<ChunkFault>().Except(bounds).Order(), Wrong.Select(row => row.Data.Item2).Distinct().Order());
        var texts = Enum.GetValues<ChunkFault>().Select(f => f.Text()).ToList();
        Assert.Equal(texts.Count, texts.Distinct().Count());
        Assert.DoesNotContain("unknown", texts);
    }

    [Fact]
    public void What_is_not_data_is_bounded()
    {
        var limits = new ChunkLimits { ExtensionBytes = 8, MessageExtensionBytes = 20, TrailerFields = 2, TrailerBytes = 20 };
        Check("1;2345678\r\nx\r\n", ChunkStatus.NeedMore, ChunkFault.None, 14);
        Check("1;23456789\r\nx\r\n", ChunkStatus.Invalid, ChunkFault.ExtensionTooLong, 9);
        Check("1        ;", ChunkStatus.Invalid, ChunkFault.ExtensionTooLong, 9);
        Check("1;234567\r\nx\r\n1;234567\r\nx\r\n1;234567\r\n", ChunkStatus.Invalid, ChunkFault.ExtensionsTooLong, 33);
        Check("0\r\nA: 1\r\nB: 2\r\n\r\n", ChunkStatus.Done, ChunkFault.None, 17);
        Check("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", ChunkStatus.Invalid, ChunkFault.TrailerFields, 15);
        Check("0\r\nA: 456789012345678\r\n\r\n", ChunkStatus.Done, ChunkFault.None, 25);
        Check("0\r\nA: 4567890123456789\r\n\r\n", ChunkStatus.Invalid, ChunkFault.TrailerBytes, 23);

        void Check(string body, ChunkStatus status, ChunkFault fault, int position)
            => Assert.All(Splits(body, limits), r => Assert.Equal((status, fault, position), (r.Status, r.Fault, r.Position)));
    }

    [Fact]
    public void The_bounds_are_generous_where_none_are_given()
    {
        Assert.Equal((256, 16_384, 100, 8_192), (ChunkLimits.Default.ExtensionBytes, ChunkLimits.Default.MessageExtensionBytes, ChunkLimits.Default.TrailerFields, ChunkLimits.Default.TrailerBytes));
        Assert.Equal(ChunkFault.ExtensionTooLong, Decode("1;" + new string('a', 256), 1, ChunkLimits.Default).Fault);
        var many = string.Concat(Enumerable.Repeat($"1;{new string('a', 255)}\r\nx\r\n", 65));
        Assert.Equal((ChunkFault.ExtensionsTooLong, (64 * 262) + 1), (Decode(many, 4096, ChunkLimits.Default).Fault, Decode(many, 4096, ChunkLimits.Default).Position));
    }

    [Fact]
    public void A_default_reader_drops_trailers_and_checks_them()
    {
        var reader = default(ChunkReader);
        Assert.Equal(ChunkStatus.Done, reader.Read(Bytes("1\r\nx\r\n0\r\nA: b\r\n\r\n"), out var consumed, out var produced));
        Assert.Equal((17, 1), (consumed, produced));
        Assert.Null(reader.Trailers);
        Assert.Equal((ChunkStatus.Done, 0), (reader.Read(Bytes("5\r\n"), out consumed, out _), consumed));
        reader.Reset();
        Assert.Equal(ChunkStatus.Invalid, reader.Read(Bytes("0\r\nA b\r\n"), out _, out _));
        Assert.Equal((ChunkStatus.Invalid, 0), (reader.Read(Bytes("5\r\n"), out consumed, out _), consumed));
    }

    /// <summary>A body is given up at any byte; nothing of it is left in the next one.</summary>
    [Fact]
    public void After_a_reset_a_body_is_read_as_by_a_new_reader()
    {
        const string Given = "00a;ab=\"c\"\r\n0123456789\r\n0\r\nAbc: d\r\nE: f\r\n\r\n";
        var pool = new TrailerPool(ChunkLimits.Default with { ExtensionBytes = 8, MessageExtensionBytes = 8, TrailerFields = 2, TrailerBytes = 16 });
        var reader = new ChunkReader(pool);
        for (var length = 0; length <= Given.Length; length++)
        {
            foreach (var broken in (string[])["", "\0"])
            {
                reader.Read(Bytes(Given[..length] + broken), out _, out _);
                reader.Reset();
                Assert.Equal((ChunkStatus.NeedMore, ChunkFault.None, 0L, 0), (reader.Status, reader.Fault, reader.ChunkLeft, pool.InUse));
                Assert.Equal(ChunkStatus.Done, reader.Read(Bytes(Given), out var consumed, out var produced));
                Assert.Equal((Given.Length, 10, "Abc: d\r\nE: f\r\n"), (consumed, produced, Encoding.Latin1.GetString(reader.Trailers!.Lines)));
                reader.Reset();
            }
        }
    }

    [Fact]
    public void The_largest_size_is_taken_and_what_is_left_is_told()
    {
        var reader = default(ChunkReader);
        Assert.Equal(ChunkStatus.NeedMore, reader.Read(Bytes("7fffffffffffffff\r\nabc"), out var consumed, out var produced));
        Assert.Equal((21, 3, long.MaxValue - 3), (consumed, produced, reader.ChunkLeft));
    }

    [Fact]
    public void Buffers_for_trailers_are_taken_when_there_are_any_and_given_back()
    {
        var pool = new TrailerPool(ChunkLimits.Default, idle: 1);
        ChunkReader first = new(pool), second = new(pool), third = new(pool);
        first.Read(Bytes("5\r\nhello\r\n0\r\n\r\n"), out _, out _);
        Assert.Equal((0, 0), (pool.InUse, pool.Idle));
        first.Reset();
        first.Read(Bytes("0\r\nA: 1\r\nHost: x\r\n\r\n"), out _, out _);
        second.Read(Bytes("0\r\nB"), out _, out _);
        third.Read(Bytes("0\r\nC: \0"), out _, out _);
        Assert.Equal((2, 1), (pool.InUse, pool.Idle));
        Assert.Equal(("A: 1\r\n", 1), (Encoding.Latin1.GetString(first.Trailers!.Lines), first.Trailers.Dropped));
        Assert.Null(third.Trailers);
        first.Reset();
        second.Reset();
        third.Reset();
        Assert.Equal((0, 1), (pool.InUse, pool.Idle));
        first.Read(Bytes("0\r\nD: 2\r\n\r\n"), out _, out _);
        Assert.Equal(("D: 2\r\n", 0), (Encoding.Latin1.GetString(first.Trailers!.Lines), first.Trailers.Dropped));
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        var pool = new TrailerPool(ChunkLimits.Default);
        var reader = new ChunkReader(pool);
        var body = Bytes("5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n");
        var buffer = new byte[body.Length];
        ReadAll(3);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ReadAll(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void ReadAll(int count)
        {
            for (var i = 0; i < count; i++)
            {
                body.CopyTo(buffer, 0);
                if (reader.Read(buffer, out _, out _) != ChunkStatus.Done || reader.Trailers is null)
                {
                    throw new InvalidOperationException("not read");
                }

                reader.Reset();
            }
        }
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private static List<Result> Splits(string body, ChunkLimits? limits = null)
        => [.. new[] { int.MaxValue, 1, 2, 3, 7 }.Select(size => Decode(body, size, limits ?? ChunkLimits.Default))];

    private static Result Decode(string body, int size, ChunkLimits limits)
    {
        var reader = new ChunkReader(new TrailerPool(limits));
        var data = new StringBuilder();
        var position = 0;
        var status = ChunkStatus.NeedMore;
        while (position < body.Length && status == ChunkStatus.NeedMore)
        {
            var piece = Bytes(body.Substring(position, Math.Min(size, body.Length - position)));
            status = reader.Read(piece, out var consumed, out var produced);
            data.Append(Encoding.Latin1.GetString(piece, 0, produced));
            position += consumed;
        }

        var trailers = status == ChunkStatus.Done && reader.Trailers is { } t ? Encoding.Latin1.GetString(t.Lines) : "";
        return new Result(reader.Status, reader.Fault, position, data.ToString(), trailers);
    }

    private sealed record Result(ChunkStatus Status, ChunkFault Fault, int Position, string Data, string Trailers);
}
