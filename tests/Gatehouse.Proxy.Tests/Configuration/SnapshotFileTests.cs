using System.Text;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Delta;
using Gatehouse.Proxy.Configuration.Snapshot;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>Snapshots on disk: whole, for their owner alone, and told what is wrong with them.</summary>
public sealed class SnapshotFileTests : IDisposable
{
    private static readonly ProxyConfig Config = new()
    {
        Listeners = [new Listener { Name = "web", Address = new(System.Net.IPAddress.Any, 80), DefaultUpstream = "app" }],
        Upstreams = [new UpstreamGroup { Name = "app", Endpoints = [new Endpoint { Name = "10.0.0.1:80", Address = new(System.Net.IPAddress.Parse("10.0.0.1"), 80) }] }],
    };

    private readonly TemporaryDirectory _folder = new();

    private string File1 => _folder["snapshot"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_is_two_lines_of_text_without_what_needs_not_be_written()
    {
        SnapshotFile.Write(File1, Config, 5);

        var lines = File.ReadAllText(File1).Split('\n');
        Assert.Matches("^gatehouse-proxy-snapshot 1 sha256:[0-9a-f]{64}$", lines[0]);
        Assert.Equal("""{"revision":5,"listeners":[{"name":"web","address":"0.0.0.0:80","to":"app"}],"upstreams":[{"name":"app","endpoints":[{"address":"10.0.0.1:80"}]}]}""", lines[1]);
        Assert.Equal(2, lines.Length);
        Assert.Equal(new SnapshotOutcome(Config, 5, null), SnapshotFile.Read(File1));
    }

    [Fact]
    public void It_replaces_the_one_before_is_its_owners_alone_and_leaves_nothing_beside()
    {
        SnapshotFile.Write(File1, Config, 5);
        File.WriteAllText(File1 + ".new", "of a writer that was killed");
        SnapshotFile.Write(File1, new ProxyConfig(), 6);

        Assert.Equal(new SnapshotOutcome(new ProxyConfig(), 6, null), SnapshotFile.Read(File1));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(File1));
        Assert.Equal([File1], Directory.EnumerateFiles(_folder.Path));
    }

    [Fact]
    public void What_can_not_be_written_leaves_the_old_one()
    {
        Directory.CreateDirectory(File1);
        Assert.ThrowsAny<IOException>(() => SnapshotFile.Write(File1, Config, 5));
        Assert.Equal([File1], Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Every_cut_and_every_changed_byte_is_noticed()
    {
        SnapshotFile.Write(File1, Config, 5);
        var bytes = File.ReadAllBytes(File1);
        for (var length = 0; length < bytes.Length; length++) Assert.NotNull(SnapshotFile.Decode(bytes.AsSpan(0, length)).Problem);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 1;
            Assert.NotNull(SnapshotFile.Decode(bytes).Problem);
            bytes[i] ^= 1;
        }

        Assert.Null(SnapshotFile.Decode(bytes).Problem);
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { "", "is empty" },
        { "listeners: []\n", "is no snapshot of a proxy: its first line says something else" },
        { "gatehouse-proxy-snapshot x sha256:0\n{}", "is no snapshot of a proxy: its first line has no version" },
        { "gatehouse-proxy-snapshot 2 sha256:0\n{}", "has version 2, and this build reads 1: a newer one wrote it" },
        { "gatehouse-proxy-snapshot 1 sha256:0\n{}", "is damaged or was cut off: its contents are not what its hash says" },
        { "gatehouse-proxy-snapshot 1 sha256:f0d3dac6cbc4d36bda5aef1f2fdbf16c4a93ff0ac6e4cbe4a03ea0d3d5a8b1b7\n{}", "is damaged or was cut off: its contents are not what its hash says" },
        { Hashed("""{"listeners":7}"""), "cannot be understood, though it is undamaged: Number stands where a list should" },
        { Hashed("""{"colour":"red"}"""), "cannot be understood, though it is undamaged: configuration has no field 'colour'" },
        { Hashed("""{"engine":{"threads":"4"}}"""), "cannot be understood, though it is undamaged: Cannot get the value of a token type 'String' as a number." },
        { Hashed("""{"engine":{"threads":99999999999}}"""), "cannot be understood, though it is undamaged: Arithmetic operation resulted in an overflow." },
        { Hashed("{}{}"), "cannot be understood, though it is undamaged: '{' is invalid after a single JSON value. Expected end of data. LineNumber: 0 | BytePositionInLine: 2." },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_wrong_with_a_file_is_an_outcome(string text, string problem)
    {
        File.WriteAllText(File1, text);

        Assert.Equal(new SnapshotOutcome(null, 0, $"{File1}: {problem}"), SnapshotFile.Read(File1));
    }

    [Fact]
    public void A_file_that_is_not_there_is_an_outcome() =>
        Assert.StartsWith($"{_folder["none"]}: cannot be read: Could not find file", SnapshotFile.Read(_folder["none"]).Problem, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"listeners":{"put":[{"index":0}]}}""", "nothing is put")]
    [InlineData("""{"listeners":[]}""", "StartArray stands where section should")]
    [InlineData("{", "Expected depth to be zero at the end of the JSON payload. There is an open JSON object or array that should be closed. LineNumber: 0 | BytePositionInLine: 1.")]
    [InlineData("", "The input does not contain any JSON tokens. Expected the input to start with a valid JSON token, when isFinalBlock is true. LineNumber: 0 | BytePositionInLine: 0.")]
    public void A_line_that_is_no_delta_is_an_outcome(string text, string problem) => Assert.Equal((null, problem), DeltaCodec.Read(Encoding.UTF8.GetBytes(text)));

    private static string Hashed(string body) =>
        $"gatehouse-proxy-snapshot 1 sha256:{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(body)))}\n{body}";
}
