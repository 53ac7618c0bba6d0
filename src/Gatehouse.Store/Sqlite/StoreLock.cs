using System.Globalization;
using System.Text;

namespace Gatehouse.Store.Sqlite;

/// <summary>
/// The file <c>STORE.lock</c>: held by an exclusive lock for as long as the store is open, and carrying the last acknowledged revision. SQLite believes a
/// log that was cut or turned at some bit as far as it goes, and would silently start from an older state; the mark tells.
/// </summary>
/// <remarks>
/// The mark is written after the commit's sync and before the acknowledgement, without a sync of its own: it survives the death of the process at once,
/// and a power cut after the kernel's usual write-back; in between it is behind, never ahead.
/// </remarks>
internal sealed class StoreLock : IDisposable
{
    private const int WouldBlock = 11;
    private const int MarkLength = 128;

    private readonly FileStream _file;

    private StoreLock(FileStream file) => _file = file;

    /// <summary>
    /// Made with the mark. A copy of the store that is put back without its mark, as the message about an older file advises, knows nothing of what was acknowledged after it:
    /// revisions mean other writes from then on, and those who read them can tell.
    /// </summary>
    public string History { get; private set; } = "";

    public static string PathOf(string store) => store + ".lock";

    /// <exception cref="StoreInUseException">Somebody else holds it.</exception>
    public static StoreLock Take(string store)
    {
        var path = PathOf(store);
        try
        {
            return new StoreLock(new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }));
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            throw new StoreInUseException(store, HolderOf(path));
        }
    }

    /// <summary>The mark; null when there is none.</summary>
    /// <exception cref="StoreDamagedException">It is there and can't be read.</exception>
    public (string StoreId, long Revision)? ReadMark(string store)
    {
        var mark = ReadMark(store, out var history);
        History = mark is null ? $"{Random.Shared.NextInt64():x16}" : history;
        return mark;
    }

    private (string StoreId, long Revision)? ReadMark(string store, out string history)
    {
        var bytes = new byte[MarkLength];
        var length = RandomAccess.Read(_file.SafeFileHandle, bytes, 0);
        history = "";
        if (length == 0) return null;
        var fields = Encoding.ASCII.GetString(bytes, 0, length).TrimEnd().Split(' ');
        if (fields is not ["gatehouse-store", var id, var revision, var past, var checksum]
            || !long.TryParse(revision, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || checksum != Checksum(id, number, past))
        {
            throw new StoreDamagedException(store, $"its side file {PathOf(store)} can't be read; delete it only if you know that the store is whole");
        }

        history = past;
        return (id, number);
    }

    /// <summary>Puts down the last acknowledged revision.</summary>
    public void WriteMark(string storeId, long revision)
    {
        // One line of a fixed length, inside one sector, so that it is replaced whole.
        var line = $"gatehouse-store {storeId} {revision:d19} {History} {Checksum(storeId, revision, History)}".PadRight(MarkLength - 1) + "\n";
        RandomAccess.Write(_file.SafeFileHandle, Encoding.ASCII.GetBytes(line), 0);
    }

    /// <summary>Makes the mark survive a power cut.</summary>
    public void Sync() => RandomAccess.FlushToDisk(_file.SafeFileHandle);

    public void Dispose() => _file.Dispose();

    private static string Checksum(string id, long revision, string history) => $"{RowChecksum.Of(Encoding.ASCII.GetBytes($"{id} {revision} {history}")):x8}";

    // The lock's holder can't be asked for; but it has the file open.
    private static string HolderOf(string path)
    {
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(p => char.IsAsciiDigit(Path.GetFileName(p)[0])))
        {
            try
            {
                if (Directory.EnumerateFiles($"{process}/fd").Any(fd => new FileInfo(fd).LinkTarget == path))
                {
                    return $"process {Path.GetFileName(process)} ({File.ReadAllText($"{process}/comm").Trim()})";
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The process ended, or belongs to somebody else.
            }
        }

        return "another process";
    }
}
