using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Gatehouse.Bench.Scale;

/// <summary>Counts the items of a long list as it comes, and keeps nothing of it but the revision.</summary>
internal static class ItemCount
{
    private const int BufferBytes = 32 * 1024;
    private static readonly byte[] RevisionBegins = "\"resourceVersion\":\""u8.ToArray();

    /// <param name="kind">Of the items.</param>
    public static async Task<(string Revision, int Items)> ReadAsync(Stream body, string kind, CancellationToken cancellation)
    {
        var item = Encoding.ASCII.GetBytes($"\"kind\":{JsonSerializer.Serialize(kind)}");
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            var (revision, items, held) = ("", 0, 0);
            while (await body.ReadAsync(buffer.AsMemory(held), cancellation) is var read and > 0)
            {
                var text = buffer.AsSpan(0, held + read);
                if (revision.Length == 0) revision = RevisionIn(text);
                items += text.Count(item);
                // A word that is cut here is whole in the next round, and counts there alone.
                held = revision.Length == 0 ? text.Length : Math.Min(text.Length, item.Length - 1);
                text[^held..].CopyTo(buffer);
            }

            return (revision, items);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // The list's own stands before all items.
    private static string RevisionIn(ReadOnlySpan<byte> text)
    {
        var start = text.IndexOf(RevisionBegins);
        if (start < 0) return "";
        var rest = text[(start + RevisionBegins.Length)..];
        return rest.IndexOf((byte)'"') is var end and >= 0 ? Encoding.ASCII.GetString(rest[..end]) : "";
    }
}
