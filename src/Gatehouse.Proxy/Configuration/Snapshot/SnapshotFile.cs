using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Proxy.Configuration.Snapshot;

/// <summary>What came of reading a snapshot.</summary>
/// <param name="Config">Null: see <paramref name="Problem"/>.</param>
/// <param name="Revision">The number that its writer gave it.</param>
/// <param name="Problem">One sentence with the file's name.</param>
public sealed record SnapshotOutcome(ProxyConfig? Config, long Revision, string? Problem);

/// <summary>
/// A configuration on disk, from which an engine starts alone: a line with the format's version and the SHA-256 of what follows, then the configuration as one line of JSON. It was checked
/// before it was written; the hash says that it is still that.
/// </summary>
public static class SnapshotFile
{
    /// <summary>The version that this build writes; it reads it and those before.</summary>
    public const int Version = 1;

    /// <summary>Bytes of a snapshot: some million routes.</summary>
    public const int MaxBytes = 512 << 20;

    private const string Magic = "gatehouse-proxy-snapshot ";
    private const string HashName = " sha256:";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Replaces the file whole: readers see the old or the new one. Readable by its owner alone, because it holds keys.</summary>
    /// <param name="config">One that <see cref="Validation.ConfigValidator"/> found right.</param>
    /// <param name="revision">A number that names this state, to which a <see cref="Delta.ConfigDelta"/> refers.</param>
    /// <remarks>One writer at a time for each path.</remarks>
    /// <exception cref="IOException">It could not be written; the old file is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public static void Write(string path, ProxyConfig config, long revision)
    {
        var bytes = Encode(config, revision);
        var temporary = path + ".new"; // Of one name, so that a writer that was killed leaves one file with keys at most, until the next.
        try
        {
            File.Delete(temporary);
            using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly, BufferSize = 0 }))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Reads a snapshot. What is wrong with it is an outcome, and never an exception.</summary>
    public static SnapshotOutcome Read(string path)
    {
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return Read(file, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Failed(path, $"cannot be read: {e.Message}");
        }
    }

    /// <summary>Reads a snapshot from its beginning.</summary>
    /// <param name="file">A file that is open.</param>
    /// <param name="path">Its name in messages.</param>
    internal static SnapshotOutcome Read(SafeFileHandle file, string path)
    {
        byte[] bytes = [];
        try
        {
            var length = RandomAccess.GetLength(file);
            if (length > MaxBytes) return Failed(path, $"is longer than {MaxBytes >> 20} MB");
            bytes = GC.AllocateUninitializedArray<byte>((int)length); // Of no pool, which would keep it.
            var (config, revision, problem) = Decode(bytes.AsSpan(0, ReadAll(file, bytes.AsSpan(0, (int)length))));
            return problem is null ? new SnapshotOutcome(config, revision, null) : Failed(path, problem);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Failed(path, $"cannot be read: {e.Message}");
        }
        finally
        {
            bytes.AsSpan().Clear(); // There were keys in it.
        }
    }

    /// <summary>The file's bytes.</summary>
    internal static ReadOnlySpan<byte> Encode(ProxyConfig config, long revision)
    {
        var output = new ArrayBufferWriter<byte>(1 << 16);
        var head = Head([]);
        output.Write(Encoding.ASCII.GetBytes(head)); // Room of the right length, until there is something to hash.
        ConfigJson.Write(output, config, revision);
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsMemory(output.WrittenMemory).Span;
        Encoding.ASCII.GetBytes(Head(bytes[head.Length..]), bytes);
        return bytes;
    }

    /// <summary>What <see cref="Encode"/> made, or why it is something else.</summary>
    internal static (ProxyConfig? Config, long Revision, string? Problem) Decode(ReadOnlySpan<byte> bytes)
    {
        var end = bytes[..Math.Min(bytes.Length, 200)].IndexOf((byte)'\n');
        if (!bytes.StartsWith(Encoding.ASCII.GetBytes(Magic)) || end < 0) return (null, 0, bytes.IsEmpty ? "is empty" : "is no snapshot of a proxy: its first line says something else");
        var line = Encoding.ASCII.GetString(bytes[Magic.Length..end]);
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        if (!int.TryParse(space < 0 ? line : line[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var version)) return (null, 0, "is no snapshot of a proxy: its first line has no version");
        if (version is 0 or > Version) return (null, 0, $"has version {version}, and this build reads {Version}: a newer one wrote it");
        var body = bytes[(end + 1)..];
        if (Head(body) != $"{Magic}{line}\n") return (null, 0, "is damaged or was cut off: its contents are not what its hash says");
        var (config, revision, problem) = ConfigJson.Read(body);
        return (config, revision, problem is null ? null : $"cannot be understood, though it is undamaged: {problem}");
    }

    private static string Head(ReadOnlySpan<byte> body) => $"{Magic}{Version}{HashName}{Convert.ToHexStringLower(SHA256.HashData(body))}\n";

    private static int ReadAll(SafeFileHandle file, Span<byte> into)
    {
        var have = 0;
        while (have < into.Length && RandomAccess.Read(file, into[have..], have) is > 0 and var count) have += count;
        return have;
    }

    private static SnapshotOutcome Failed(string path, string problem) => new(null, 0, $"{path}: {problem}");
}
