using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux;

/// <summary>A file that stands in no folder and is gone with its last descriptor (memfd_create(2)): for what another process shall read and no disk shall keep.</summary>
public static partial class MemoryFile
{
    private const uint CloseOnExec = 1;

    /// <summary>A file with these contents.</summary>
    /// <param name="name">For /proc alone; names need not differ.</param>
    /// <param name="contents">What is in it.</param>
    /// <exception cref="LinuxException">No memory or no descriptor is left.</exception>
    public static SafeFileHandle Create(string name, ReadOnlySpan<byte> contents)
    {
        var fd = Make(name, CloseOnExec);
        if (fd < 0) throw new LinuxException("making a file in memory", Marshal.GetLastSystemError());
        var file = new SafeFileHandle(fd, ownsHandle: true);
        try
        {
            RandomAccess.Write(file, contents, fileOffset: 0);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Make(string name, uint flags);
}
