using System.Text;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.Tests.Http1;

public sealed class ChunkWriterTests
{
    [Theory]
    [InlineData(1, "1\r\n")]
    [InlineData(9, "9\r\n")]
    [InlineData(10, "a\r\n")]
    [InlineData(15, "f\r\n")]
    [InlineData(16, "10\r\n")]
    [InlineData(4096, "1000\r\n")]
    [InlineData(65_535, "ffff\r\n")]
    [InlineData(int.MaxValue, "7fffffff\r\n")]
    [InlineData(long.MaxValue, "7fffffffffffffff\r\n")]
    public void A_size_line_ends_where_the_data_begins(long size, string line)
    {
        var buffer = new byte[40];
        var start = ChunkWriter.WriteSizeBefore(buffer, 30, size);
        Assert.Equal(line, Encoding.ASCII.GetString(buffer, start, 30 - start));
        Assert.True(buffer.AsSpan(0, start).IndexOfAnyExcept((byte)0) < 0);
        Assert.True(buffer.AsSpan(30).IndexOfAnyExcept((byte)0) < 0);
        Assert.True(line.Length <= (size <= int.MaxValue ? ChunkWriter.Headroom : ChunkWriter.MaxHeadroom));
    }

    [Theory]
    [InlineData(0, 30)]
    [InlineData(-1, 30)]
    [InlineData(16, 3)]
    [InlineData(16, 41)]
    public void An_empty_chunk_or_a_place_that_is_too_small_is_a_mistake(long size, int end)
        => Assert.Throws<ArgumentOutOfRangeException>(() => ChunkWriter.WriteSizeBefore(new byte[40], end, size));

    [Fact]
    public void What_is_written_is_read()
    {
        var random = new Random(9);
        for (var round = 0; round < 500; round++)
        {
            var data = new byte[random.Next(1, 5000)];
            random.NextBytes(data);
            byte[] framed = [.. new byte[ChunkWriter.Headroom], .. data, .. ChunkWriter.LineEnd, .. ChunkWriter.LastChunk, .. "A: b\r\n"u8, .. ChunkWriter.LineEnd];
            var start = ChunkWriter.WriteSizeBefore(framed, ChunkWriter.Headroom, data.Length);
            var reader = new ChunkReader(new TrailerPool(ChunkLimits.Default));
            Assert.Equal(ChunkStatus.Done, reader.Read(framed.AsSpan(start), out var consumed, out var produced));
            Assert.Equal((framed.Length - start, data.Length), (consumed, produced));
            Assert.True(framed.AsSpan(start, produced).SequenceEqual(data));
            Assert.True(reader.Trailers!.Lines.SequenceEqual("A: b\r\n"u8));
        }
    }

    [Fact]
    public void The_end_is_the_end()
    {
        var reader = default(ChunkReader);
        Assert.Equal(ChunkStatus.Done, reader.Read(ChunkWriter.End.ToArray(), out var consumed, out _));
        Assert.Equal(ChunkWriter.End.Length, consumed);
        Assert.True(ChunkWriter.End.SequenceEqual([.. ChunkWriter.LastChunk, .. ChunkWriter.LineEnd]));
    }
}
