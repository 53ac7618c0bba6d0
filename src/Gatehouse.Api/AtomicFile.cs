namespace Gatehouse.Api;

/// <summary>Files that are whole or not there: written beside, flushed to the disk, renamed into place.</summary>
internal static class AtomicFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>What a write leaves when the machine stops in the middle of it; never read, overwritten by the next write.</summary>
    public static string TemporaryOf(string path) => path + ".tmp";

    /// <summary>Replaces a file with what <paramref name="write"/> writes; readable by its owner alone. The folder is made.</summary>
    /// <exception cref="IOException">Nothing was changed.</exception>
    /// <exception cref="UnauthorizedAccessException">Nothing was changed.</exception>
    public static void Replace(string path, Action<Stream> write)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        using (var file = new FileStream(TemporaryOf(path), Private(FileMode.Create)))
        {
            write(file);
            file.Flush(flushToDisk: true);
        }

        File.Move(TemporaryOf(path), path, overwrite: true);
    }

    /// <summary>For writing a file that is its owner's alone.</summary>
    public static FileStreamOptions Private(FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.Write, BufferSize = 1 << 16 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        return options;
    }

    /// <summary>Replaces a file with a text.</summary>
    public static void Replace(string path, string text) => Replace(path, file => file.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
