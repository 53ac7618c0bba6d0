using System.Security.Cryptography;
using Gatehouse.Linux.Processes;
using Gatehouse.Linux.Sockets;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux.Tests.Sockets;

public sealed class UnixChannelTests : IDisposable
{
    private readonly UnixChannel _left;
    private readonly UnixChannel _right;
    private readonly SafeFileHandle _leftSocket;
    private readonly string _folder = Directory.CreateTempSubdirectory("ghchan").FullName;

    public UnixChannelTests()
    {
        (_right, _leftSocket) = UnixChannel.Pair();
        _left = new UnixChannel(_leftSocket);
    }

    public void Dispose()
    {
        _left.Dispose();
        _right.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 250)]
    [InlineData(10_000_000, 0)]
    [InlineData(10_000_000, 250)]
    public async Task What_is_sent_arrives(int length, int descriptors)
    {
        var bytes = RandomNumberGenerator.GetBytes(length);
        var files = Enumerable.Range(0, descriptors).Select(i => FileWith($"{i}")).ToList();
        var receiving = Task.Run(_right.Receive, TestContext.Current.CancellationToken);
        Assert.True(_left.Send(bytes, [.. files.Select(f => (int)f.DangerousGetHandle())]));
        files.ForEach(f => f.Dispose());

        var message = await receiving;
        Assert.NotNull(message);
        Assert.True(bytes.AsSpan().SequenceEqual(message.Bytes));
        Assert.Equal(Enumerable.Range(0, descriptors).Select(i => $"{i}"), message.Descriptors.Select(ContentsOf));
        Assert.All(message.Descriptors, fd => Assert.True(ClosesOnExec(fd)));
        message.Refuse();
        Assert.All(message.Descriptors, fd => Assert.True(fd.IsClosed));
    }

    [Fact]
    public void More_descriptors_than_a_message_carries_are_refused_before_it_is_sent()
    {
        Assert.Throws<ArgumentException>(() => _left.Send("x"u8, new int[UnixChannel.MostDescriptors + 1]));
        Assert.True(_left.Send("next"u8));
        Assert.Equal("next"u8, _right.Receive()!.Bytes);
    }

    [Fact]
    public void Messages_stay_apart_and_keep_their_descriptors()
    {
        using var file = FileWith("second's");
        Assert.True(_left.Send("first"u8));
        Assert.True(_left.Send("second"u8, [(int)file.DangerousGetHandle()]));
        Assert.True(_left.Send("third"u8));

        var messages = Enumerable.Range(0, 3).Select(_ => _right.Receive()!).ToList();
        Assert.Equal([0, 1, 0], messages.Select(m => m.Descriptors.Count));
        Assert.Equal("second's", ContentsOf(messages[1].Descriptors[0]));
        Assert.Equal("third"u8, messages[2].Bytes);
        messages.ForEach(m => m.Refuse());
    }

    [Fact]
    public void An_end_that_is_gone_is_told_to_both_sides()
    {
        _left.Dispose();
        Assert.Null(_right.Receive());
        Assert.False(_right.Send("x"u8));
        Assert.Null(_left.Receive());
        Assert.False(_left.Send("x"u8));
        _left.Dispose();
    }

    [Theory(Timeout = 20_000)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(5_000)]
    public async Task An_end_that_goes_in_the_middle_of_a_message_leaves_none_and_no_descriptor(int sent)
    {
        var whole = new byte[8 + 10_000];
        BitConverter.TryWriteBytes(whole, 10_000);
        BitConverter.TryWriteBytes(whole.AsSpan(4), 0);
        var receiving = Task.Run(_right.Receive, TestContext.Current.CancellationToken);
        Raw(whole.AsSpan(0, sent));
        _left.Dispose();
        Assert.Null(await receiving);
    }

    [Fact]
    public void A_message_of_which_the_rest_never_comes_gives_its_descriptors_back()
    {
        using (var file = MemoryFile.Create("lost", "lost"u8))
        {
            var (own, other) = UnixChannel.Pair();
            using var receiver = new UnixChannel(other, longest: 3);
            Assert.True(own.Send("four"u8, [(int)file.DangerousGetHandle()]));
            Assert.Throws<InvalidDataException>(() => receiver.Receive());
            own.Dispose();
        }

        Assert.Equal(0, DescriptorsOf("lost"));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(int.MinValue, 0)]
    [InlineData(int.MaxValue, 0)]
    [InlineData(10, 1)]
    [InlineData(10, -1)]
    public void Garbage_is_refused(int length, int count)
    {
        var header = new byte[8];
        BitConverter.TryWriteBytes(header, length);
        BitConverter.TryWriteBytes(header.AsSpan(4), count);
        Raw(header);
        Assert.Throws<InvalidDataException>(() => _right.Receive());
    }

    [Fact]
    public void A_length_that_is_only_said_takes_no_memory()
    {
        var header = new byte[8];
        BitConverter.TryWriteBytes(header, UnixChannel.LongestMessage);
        Raw([.. header, 1, 2, 3]);
        _left.Dispose();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(_right.Receive());
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact(Timeout = 30_000)]
    public async Task Senders_take_turns()
    {
        const int each = 200;
        var senders = Enumerable.Range(0, 4).Select(s => Task.Run(() =>
        {
            var bytes = new byte[3_000 + s];
            bytes.AsSpan().Fill((byte)s);
            for (var i = 0; i < each; i++) Assert.True(_left.Send(bytes));
        })).ToList();
        var counts = new int[4];
        for (var i = 0; i < each * 4; i++)
        {
            var bytes = _right.Receive()!.Bytes;
            Assert.Equal(3_000 + bytes[0], bytes.Length);
            Assert.DoesNotContain(bytes, b => b != bytes[0]);
            counts[bytes[0]]++;
        }

        await Task.WhenAll(senders);
        Assert.Equal([each, each, each, each], counts);
    }

    [Fact(Timeout = 30_000)]
    public async Task Disposing_wakes_whoever_waits_to_receive_or_to_send()
    {
        for (var i = 0; i < 100; i++)
        {
            var (own, other) = UnixChannel.Pair();
            using var peer = new UnixChannel(other);
            var receiving = Task.Run(own.Receive, TestContext.Current.CancellationToken);
            var sending = Task.Run(() => own.Send(new byte[4 << 20]), TestContext.Current.CancellationToken); // More than the kernel takes, and nobody reads it.
            own.Dispose();
            Assert.Null(await receiving);
            Assert.False(await sending);
        }
    }

    [Fact]
    public void A_listener_is_its_users_alone_and_one_that_nobody_listens_at_is_none()
    {
        var path = Path.Combine(_folder, "c.sock");
        Assert.Null(UnixChannel.Connect(path));
        using (UnixChannel.Listen(path))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            using var client = UnixChannel.Connect(path);
            Assert.NotNull(client);
        }

        Assert.True(File.Exists(path));
        Assert.Null(UnixChannel.Connect(path));
        UnixChannel.Listen(path).Dispose(); // What a dead one left is no hindrance.
        Assert.Null(UnixChannel.Connect(Path.Combine(path, "below")));
        Assert.Equal(Errno.ENAMETOOLONG, Assert.Throws<LinuxException>(() => UnixChannel.Listen("/" + new string('x', 107))).Errno);
        UnixChannel.Listen(Path.Combine(_folder, new string('y', 106 - _folder.Length))).Dispose();
    }

    [Fact(Timeout = 20_000)]
    public async Task A_child_finds_the_other_end_as_descriptor_3_and_nothing_else()
    {
        var (own, other) = UnixChannel.Pair();
        var output = Path.Combine(_folder, "out");
        var process = DetachedProcess.Start(new ProcessOptions("sh")
        {
            Arguments = ["-c", "ls -l /proc/self/fd; printf '\\002\\000\\000\\000\\000\\000\\000\\000hi' >&3; head -c 10 <&3"],
            StandardOutput = output,
            Descriptor = other,
        });
        other.Dispose();
        Assert.Equal("hi"u8, own.Receive()!.Bytes);
        Assert.True(own.Send("yo"u8));
        Assert.Equal(0, (await process.Exit).Code);
        Assert.Null(own.Receive()); // The parent has no copy that would keep it open.
        own.Dispose();
        var said = await File.ReadAllLinesAsync(output, TestContext.Current.CancellationToken);
        Assert.Equal(5, said.Count(l => l.Contains(" -> ", StringComparison.Ordinal))); // 0, 1, 2, 3 and ls' own
        Assert.Single(said, l => l.Contains(" 3 -> socket:", StringComparison.Ordinal));
        Assert.EndsWith("yo", said[^1], StringComparison.Ordinal);
    }

    /// <summary>Past the channel's framing.</summary>
    private void Raw(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0) bytes = bytes[SocketCalls.Send((int)_leftSocket.DangerousGetHandle(), bytes)..];
    }

    private static SafeFileHandle FileWith(string text) => MemoryFile.Create("test", System.Text.Encoding.UTF8.GetBytes(text));

    private static string ContentsOf(SafeFileHandle file)
    {
        var bytes = new byte[100];
        return System.Text.Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(file, bytes, 0));
    }

    private static bool ClosesOnExec(SafeFileHandle fd) =>
        (Convert.ToInt32(File.ReadLines($"/proc/self/fdinfo/{fd.DangerousGetHandle()}").First(l => l.StartsWith("flags:", StringComparison.Ordinal))[6..].Trim(), 8) & 0x80000) != 0;

    /// <summary>How many descriptors of this process lead to the memory file with a text of its own; other tests open and close theirs meanwhile.</summary>
    private static int DescriptorsOf(string name) => Directory.GetFiles("/proc/self/fd").Count(f => TargetOf(f).Contains("memfd:" + name, StringComparison.Ordinal));

    private static string TargetOf(string link)
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName ?? "";
        }
        catch (IOException)
        {
            return ""; // Closed meanwhile.
        }
    }
}
