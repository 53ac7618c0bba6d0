using System.Globalization;
using System.Text;
using Gatehouse.Proxy.Access.Log;
using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Access;

public sealed class LogBufferTests
{
    [Fact]
    public void Lines_come_out_as_they_went_in()
    {
        var buffer = new LogBuffer();
        Assert.True(buffer.Peek().IsEmpty);
        Add(buffer, "one\n");
        Add(buffer, "two\n");
        Assert.Equal("one\ntwo\n", Text(buffer.Peek()));
        buffer.Take(4);
        Assert.Equal("two\n", Text(buffer.Peek()));
        buffer.Take(4);
        Assert.True(buffer.Peek().IsEmpty);
        Assert.Equal((2L, 0L), (buffer.Lines, buffer.Dropped));
    }

    [Fact]
    public void Without_a_reader_as_much_is_kept_as_there_is_room_for_and_the_rest_is_counted()
    {
        var buffer = new LogBuffer();
        var line = new string('x', 999) + "\n";
        var kept = 0;
        while (Add(buffer, line)) kept++;

        // The reader has not begun, so that it stands in the first half, and the loop may go on to the second: both are used.
        Assert.InRange(kept, (2 * (LogBuffer.Capacity - LogBuffer.LongestLine)) / line.Length, 2 * LogBuffer.Capacity / line.Length);
        Assert.True(buffer.IsHalfFull);
        Assert.False(Add(buffer, line));
        Assert.Equal((kept, 2L), (buffer.Lines, buffer.Dropped));

        var read = 0;
        while (buffer.Peek() is { IsEmpty: false } lines)
        {
            Assert.Equal(0, lines.Length % line.Length);
            read += lines.Length / line.Length;
            buffer.Take(lines.Length);
        }

        Assert.Equal(kept, read);
        Assert.True(Add(buffer, line));
    }

    [Fact]
    public async Task A_loop_and_a_reader_side_by_side_lose_nothing_but_what_is_counted()
    {
        const int total = 400_000;
        var buffer = new LogBuffer();
        var done = false;
        var reader = Task.Run(() =>
        {
            var numbers = new List<int>(total);
            while (true)
            {
                var ended = Volatile.Read(ref done);
                var lines = buffer.Peek();
                if (lines.IsEmpty && ended) return numbers;
                foreach (var range in lines.Split((byte)'\n'))
                {
                    if (!lines[range].IsEmpty) numbers.Add(int.Parse(lines[range], CultureInfo.InvariantCulture));
                }

                buffer.Take(lines.Length);
            }
        }, TestContext.Current.CancellationToken);
        await Task.Run(() =>
        {
            for (var i = 0; i < total; i++)
            {
                _ = Add(buffer, string.Create(CultureInfo.InvariantCulture, $"{i}\n"));
                if (i % 16 == 0) buffer.EndTurn();
            }

            Volatile.Write(ref done, true);
        }, TestContext.Current.CancellationToken);
        var seen = await reader.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(total, seen.Count + buffer.Dropped);
        Assert.Equal(buffer.Lines, seen.Count);
        Assert.True(seen.Zip(seen.Skip(1)).All(p => p.First < p.Second), "out of order");
    }

    private static bool Add(LogBuffer buffer, string line)
    {
        var room = buffer.Room();
        if (room.IsEmpty) return false;
        buffer.Add(Encoding.ASCII.GetBytes(line, room));
        return true;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes);
}
