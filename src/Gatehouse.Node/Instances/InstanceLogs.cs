namespace Gatehouse.Node.Instances;

/// <summary>
/// Keeps what the programs of instances print within bounds. They append to their files themselves, so that they outlive the agent; a file that grew over the bound is
/// emptied, and its end kept beside it as <c>NAME.log.1</c>. What is printed between the copy and the emptying is lost.
/// </summary>
internal sealed class InstanceLogs(NodeOptions options, NodeMetrics metrics)
{
    private const string Earlier = ".1";

    /// <summary>Where the files are.</summary>
    public static string FolderOf(NodeOptions options) => Path.Combine(options.StateDirectory, "instances");

    /// <summary>Empties what grew too large, and removes the oldest files of instances that are gone.</summary>
    /// <param name="attached">Names of the instances that are here.</param>
    public void Trim(IReadOnlyCollection<string> attached)
    {
        var folder = new DirectoryInfo(FolderOf(options));
        if (!folder.Exists) return;
        var files = folder.GetFiles("*.log");
        foreach (var file in files.Where(f => f.Length > options.Limits.InstanceLog)) Empty(file.FullName);
        var gone = files.Where(f => !attached.Contains(Path.GetFileNameWithoutExtension(f.Name))).OrderByDescending(f => f.LastWriteTimeUtc);
        foreach (var old in gone.Skip(options.Limits.EndedLogs))
        {
            File.Delete(old.FullName + Earlier);
            old.Delete();
        }
    }

    private void Empty(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        using (var kept = new FileStream(path + Earlier, FileMode.Create, FileAccess.Write))
        {
            file.Seek(-Math.Min(file.Length, options.Limits.InstanceLog / 2), SeekOrigin.End);
            Copy(file, kept, options.Limits.InstanceLog / 2);
        }

        file.SetLength(0);
        metrics.LogEmptied();
    }

    /// <summary>So many bytes and no more: whoever prints goes on meanwhile.</summary>
    private static void Copy(FileStream from, FileStream to, long count)
    {
        var buffer = new byte[64 * 1024];
        while (count > 0 && from.Read(buffer, 0, (int)Math.Min(buffer.Length, count)) is > 0 and var read)
        {
            to.Write(buffer, 0, read);
            count -= read;
        }
    }
}
