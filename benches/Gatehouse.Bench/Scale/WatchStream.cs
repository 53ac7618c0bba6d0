using System.Buffers;

namespace Gatehouse.Bench.Scale;

/// <summary>Reads a watch line by line. Between events it holds no buffer: there are four watches for each of thousands of workers.</summary>
internal static class WatchStream
{
    private const int BufferBytes = 16 * 1024;

    /// <summary>Calls for each line until the server ends the watch.</summary>
    /// <param name="onLine">Without the line's end.</param>
    public static async Task ReadAsync(Stream body, LineHandler onLine, CancellationToken cancellation)
    {
        var rest = Array.Empty<byte>();
        while (true)
        {
            // Waits for data without a buffer; false alarms do no harm.
            _ = await body.ReadAsync(Memory<byte>.Empty, cancellation);
            var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(BufferBytes, rest.Length * 2));
            try
            {
                rest.CopyTo(buffer, 0);
                var read = await body.ReadAsync(buffer.AsMemory(rest.Length), cancellation);
                if (read == 0) return;
                rest = Split(buffer.AsSpan(0, rest.Length + read), onLine);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    private static byte[] Split(ReadOnlySpan<byte> text, LineHandler onLine)
    {
        while (text.IndexOf((byte)'\n') is var end and >= 0)
        {
            onLine(text[..end]);
            text = text[(end + 1)..];
        }

        return text.IsEmpty ? [] : text.ToArray();
    }
}
