using System.Net.Security;
using System.Text;
using Gatehouse.TestKit.Fuzz;
using Gatehouse.Wire.Tls;

namespace Gatehouse.Wire.Tests.Tls;

/// <summary>What is found in the first bytes of a TLS connection, and what is refused (RFC 8446 §4.1.2, §5.1; RFC 6066 §3; RFC 7301 §3.1).</summary>
public sealed class ClientHelloTests
{
    private static readonly string LongLabel = new('a', 63);

    public static TheoryData<string, string> Names => new()
    {
        { "example.com", "example.com" },
        { "WWW.Example.COM", "www.example.com" },
        { "localhost", "localhost" },
        { "a_b.test-1.xn--nxasmq6b", "a_b.test-1.xn--nxasmq6b" },
        { $"{LongLabel}.{LongLabel}.{LongLabel}.{LongLabel[..61]}", $"{LongLabel}.{LongLabel}.{LongLabel}.{LongLabel[..61]}" },
        { "1.2.3", "1.2.3" },
        { "1.2.3.4.example", "1.2.3.4.example" },

        // An address is no name: the client named none.
        { "192.0.2.1", "" },
        { "::1", "" },
        { "2001:DB8::192.0.2.1", "" },
    };

    public static TheoryData<string> NoNames =>
    [
        "", ".", "example.com.", ".example.com", "a..b", "a\0b", "example.com\0", "a b", "a/b", "a,b", "a@b", "*.example.com", "[::1]", "a:80", "a:b:80", "1:2:3:4:5:6:7:8:9", ":", "\u00E4.test",
        "a\r\nb", "a\u007F", $"{LongLabel}a.test", $"{LongLabel}.{LongLabel}.{LongLabel}.{LongLabel[..62]}",
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_server_name_is_found_in_lower_case(string name, string found)
    {
        var record = new HelloBuilder().Add(43, 2, 3, 4).Names(Latin1(name)).Protocols(Latin1("h2"), Latin1("http/1.1")).Record();
        AssertAll(record, HelloStatus.Complete, HelloFault.None, found, "h2,http/1.1");
    }

    [Theory]
    [MemberData(nameof(NoNames))]
    public void What_is_no_host_name_is_refused(string name)
        => AssertAll(new HelloBuilder().Names(Latin1(name)).Record(), HelloStatus.Invalid, HelloFault.HostName);

    [Fact]
    public void A_hello_may_have_neither_name_nor_protocols_nor_extensions()
    {
        AssertAll(new HelloBuilder().Record(), HelloStatus.Complete, HelloFault.None);
        AssertAll(new HelloBuilder { HasExtensions = false, Session = [] }.Record(), HelloStatus.Complete, HelloFault.None);
        AssertAll(new HelloBuilder().Protocols([1]).Record(), HelloStatus.Complete, HelloFault.None, "", "\u0001");
        AssertAll(new HelloBuilder().Add(0, [0, 4, 7, 0, 1, 65]).Record(), HelloStatus.Complete, HelloFault.None); // another type of name alone
        AssertAll(new HelloBuilder().Add(0, [0, 8, 7, 0, 1, 65, 0, 0, 1, 65]).Record(), HelloStatus.Complete, HelloFault.None, "a");
    }

    public static TheoryData<string, HelloBuilder, HelloFault> Broken => new()
    {
        { "session of 33 bytes", new() { Session = new byte[33] }, HelloFault.Structure },
        { "no ciphers", new() { Ciphers = [] }, HelloFault.Structure },
        { "half a cipher", new() { Ciphers = [1, 2, 3] }, HelloFault.Structure },
        { "no compression", new() { Compression = [] }, HelloFault.Structure },
        { "a byte behind the extensions", new() { Behind = [0] }, HelloFault.Structure },
        { "half a length of extensions", new() { HasExtensions = false, Behind = [0] }, HelloFault.Structure },
        { "extensions beyond the end", new() { HasExtensions = false, Behind = [0, 1] }, HelloFault.Structure },
        { "half a type", new() { HasExtensions = false, Behind = [0, 1, 0] }, HelloFault.Structure },
        { "a type without length", new() { HasExtensions = false, Behind = [0, 3, 0, 5, 0] }, HelloFault.Structure },
        { "an extension beyond the list", new() { HasExtensions = false, Behind = [0, 4, 0, 5, 0, 1] }, HelloFault.Structure },
        { "the name twice", new HelloBuilder().Names([65]).Names([65]), HelloFault.DuplicateExtension },
        { "an unknown extension twice", new HelloBuilder().Add(4000).Add(1).Add(4000), HelloFault.DuplicateExtension },
        { "the highest extension twice", new HelloBuilder().Add(65_535).Add(65_535), HelloFault.DuplicateExtension },
        { "an empty name extension", new HelloBuilder().Add(0), HelloFault.ServerNames },
        { "an empty list of names", new HelloBuilder().Names(), HelloFault.ServerNames },
        { "two names", new HelloBuilder().Names([65], [66]), HelloFault.ServerNames },
        { "two names of another type", new HelloBuilder().Add(0, 0, 8, 7, 0, 1, 65, 7, 0, 1, 65), HelloFault.ServerNames },
        { "a name beyond its list", new HelloBuilder().Add(0, 0, 4, 0, 0, 2, 65), HelloFault.ServerNames },
        { "a name without length", new HelloBuilder().Add(0, 0, 2, 0, 0), HelloFault.ServerNames },
        { "a list of names beyond its extension", new HelloBuilder().Add(0, 0, 5, 0, 0, 1, 65), HelloFault.ServerNames },
        { "a byte behind the list of names", new HelloBuilder().Add(0, 0, 4, 0, 0, 1, 65, 0), HelloFault.ServerNames },
        { "an empty ALPN extension", new HelloBuilder().Add(16), HelloFault.Protocols },
        { "an empty list of protocols", new HelloBuilder().Protocols(), HelloFault.Protocols },
        { "an empty protocol", new HelloBuilder().Protocols([65], []), HelloFault.Protocols },
        { "a protocol beyond its list", new HelloBuilder().Add(16, 0, 2, 2, 65), HelloFault.Protocols },
        { "a list of protocols beyond its extension", new HelloBuilder().Add(16, 0, 3, 1, 65), HelloFault.Protocols },
        { "a byte behind the list of protocols", new HelloBuilder().Add(16, 0, 2, 1, 65, 0), HelloFault.Protocols },
    };

    [Theory]
    [MemberData(nameof(Broken), DisableDiscoveryEnumeration = true)]
    public void A_broken_hello_is_refused(string what, HelloBuilder builder, HelloFault fault)
    {
        Assert.NotEmpty(what);
        AssertAll(builder.Record(), HelloStatus.Invalid, fault);
    }

    /// <summary>First bytes in hexadecimal, and how many of them decide.</summary>
    [Theory]
    [InlineData("474554202F", HelloStatus.NotTls, HelloFault.NotTls, 1)] // GET /
    [InlineData("802E0100030100", HelloStatus.NotTls, HelloFault.NotTls, 1)] // SSL 2's hello
    [InlineData("1503010002", HelloStatus.NotTls, HelloFault.NotTls, 1)] // an alert
    [InlineData("1703030010", HelloStatus.NotTls, HelloFault.NotTls, 1)] // data
    [InlineData("160201002F", HelloStatus.NotTls, HelloFault.NotTls, 2)]
    [InlineData("16FEFF0000", HelloStatus.NotTls, HelloFault.NotTls, 2)] // DTLS
    [InlineData("1603010000", HelloStatus.Invalid, HelloFault.RecordLength, 5)]
    [InlineData("1603014001", HelloStatus.Invalid, HelloFault.RecordLength, 5)]
    [InlineData("160301000402000000", HelloStatus.Invalid, HelloFault.NotClientHello, 6)] // a ServerHello
    [InlineData("160301000400000000", HelloStatus.Invalid, HelloFault.NotClientHello, 6)]
    [InlineData("160301000401003FFD", HelloStatus.Invalid, HelloFault.TooLong, 9)]
    [InlineData("1603010004" + "01FFFFFF", HelloStatus.Invalid, HelloFault.TooLong, 9)]
    [InlineData("1603010004" + "01000000", HelloStatus.Invalid, HelloFault.Structure, 9)]
    [InlineData("1603010005" + "0100000000", HelloStatus.Invalid, HelloFault.Trailing, 9)]
    [InlineData("1603010002" + "0100" + "15", HelloStatus.Invalid, HelloFault.RecordType, 8)]
    [InlineData("1603010002" + "0100" + "1602", HelloStatus.Invalid, HelloFault.RecordType, 9)]
    [InlineData("1603010002" + "0100" + "1603030000", HelloStatus.Invalid, HelloFault.RecordLength, 12)]
    [InlineData("1603010026" + "01000022" + "0203" + "00000000000000000000000000000000" + "00000000000000000000000000000000", HelloStatus.Invalid, HelloFault.Structure, 43)]
    public void Something_else_is_told_apart_at_once(string hex, HelloStatus status, HelloFault fault, int decides)
    {
        var bytes = Convert.FromHexString(hex);
        AssertAll(bytes, status, fault);
        AssertAll(bytes[..(decides - 1)], HelloStatus.Incomplete, HelloFault.None);
        AssertAll(bytes[..decides], status, fault);
    }

    [Theory]
    [InlineData(16_384, true)]
    [InlineData(16_385, false)]
    public void A_hello_is_bounded(int length, bool isTaken)
    {
        var empty = new HelloBuilder().Names(Latin1("a.test")).Add(21).Message();
        var message = new HelloBuilder().Names(Latin1("a.test")).Add(21, new byte[length - empty.Length]).Message();
        Assert.Equal(length, message.Length);
        AssertAll(HelloBuilder.Records(message), isTaken ? HelloStatus.Complete : HelloStatus.Invalid, isTaken ? HelloFault.None : HelloFault.TooLong, isTaken ? "a.test" : "");
        AssertAll(HelloBuilder.Records(message, 4000), isTaken ? HelloStatus.Complete : HelloStatus.Invalid, isTaken ? HelloFault.None : HelloFault.TooLong, isTaken ? "a.test" : "");
    }

    [Fact]
    public void The_scratch_bounds_it_too()
    {
        var message = new HelloBuilder().Names(Latin1("a.test")).Message();
        var record = HelloBuilder.Records(message);
        Assert.Equal(HelloStatus.Complete, Read(record, record.Length, new byte[message.Length]).Status);
        Assert.Equal(HelloFault.TooLong, Read(record, record.Length, new byte[message.Length - 1]).Fault);
        Assert.Equal(HelloFault.TooLong, Read(record, record.Length, new byte[3]).Fault);
        Assert.Equal(HelloFault.TooLong, Read(record, record.Length, []).Fault);
    }

    [Fact]
    public void A_hello_may_come_in_several_records_but_not_in_any_number()
    {
        var message = new HelloBuilder().Names(Latin1("example.com")).Protocols(Latin1("h2")).Message();
        for (var size = 2; size <= message.Length; size++)
        {
            AssertAll(HelloBuilder.Records(message, size), HelloStatus.Complete, HelloFault.None, "example.com", "h2");
        }

        Assert.True(message.Length > ClientHelloReader.MaxRecords);
        AssertAll(HelloBuilder.Records(message, 1), HelloStatus.Invalid, HelloFault.TooManyRecords);
    }

    [Fact]
    public void Thousands_of_extensions_cost_no_more_than_their_bytes()
    {
        var builder = new HelloBuilder();
        for (var type = 100; type < 4100; type++)
        {
            builder.Add(type);
        }

        AssertAll(HelloBuilder.Records(builder.Message(), 16_384), HelloStatus.Complete, HelloFault.None);
        AssertAll(HelloBuilder.Records(builder.Add(100).Message(), 16_384), HelloStatus.Invalid, HelloFault.DuplicateExtension);
    }

    [Fact]
    public async Task The_hello_of_a_real_client_is_read()
    {
        var wire = new MemoryStream();
        await using var stream = new SslStream(new OneWay(wire));
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "Real.Example",
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        };
        await Assert.ThrowsAnyAsync<IOException>(() => stream.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken));
        AssertAll(wire.ToArray(), HelloStatus.Complete, HelloFault.None, "real.example", "h2,http/1.1");
    }

    [Fact]
    public void Protocols_are_looked_up()
    {
        var scratch = new byte[ClientHelloReader.MaxLength];
        new ClientHelloReader().Read(new HelloBuilder().Protocols(Latin1("h2"), Latin1("http/1.1")).Record(), scratch, out var hello);
        Assert.True(hello.Protocols(scratch).Contains("http/1.1"u8));
        Assert.False(hello.Protocols(scratch).Contains("http/1.0"u8));
        Assert.False(hello.Protocols(scratch).Contains("h"u8));
        Assert.False(default(ClientHello).Protocols(scratch).Contains("h2"u8));
    }

    [Fact]
    public void Every_fault_has_a_text_of_its_own()
    {
        var texts = Enum.GetValues<HelloFault>().Select(f => f.Text()).ToList();
        Assert.Equal(texts.Count, texts.Distinct().Count());
        Assert.DoesNotContain("unknown", texts);
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        var record = new HelloBuilder().Names(Latin1("example.com")).Protocols(Latin1("h2")).Record();
        var scratch = new byte[ClientHelloReader.MaxLength];
        ReadAll(3);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ReadAll(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void ReadAll(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var reader = default(ClientHelloReader);
                if (reader.Read(record, scratch, out var hello) != HelloStatus.Complete || !hello.Protocols(scratch).Contains("h2"u8))
                {
                    throw new InvalidOperationException("not read");
                }
            }
        }
    }

    /// <summary>Whole, byte by byte, and in pieces of some sizes.</summary>
    private static void AssertAll(byte[] bytes, HelloStatus status, HelloFault fault, string name = "", string protocols = "")
        => Assert.All([Math.Max(bytes.Length, 1), 1, 3, 7, 1000], size =>
            Assert.Equal((status, fault, name, protocols), Read(bytes, size, new byte[ClientHelloReader.MaxLength])));

    private static (HelloStatus Status, HelloFault Fault, string Name, string Protocols) Read(byte[] bytes, int size, byte[] scratch)
    {
        var reader = default(ClientHelloReader);
        var status = HelloStatus.Incomplete;
        var hello = default(ClientHello);
        for (var length = 0; length < bytes.Length && status == HelloStatus.Incomplete;)
        {
            length = Math.Min(length + size, bytes.Length);
            status = reader.Read(bytes.AsSpan(0, length), scratch, out hello);
        }

        var protocols = new List<string>();
        foreach (var protocol in hello.Protocols(scratch))
        {
            protocols.Add(Encoding.Latin1.GetString(protocol));
        }

        return (status, reader.Fault, Encoding.Latin1.GetString(hello.Name(scratch)), string.Join(',', protocols));
    }

    private static byte[] Latin1(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>Keeps what is written; there is nothing to read.</summary>
    private sealed class OneWay(MemoryStream written) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => 0;

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => written.Write(buffer, offset, count);
    }
}
