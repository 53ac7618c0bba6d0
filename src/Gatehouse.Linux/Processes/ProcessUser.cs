using System.Runtime.InteropServices;

namespace Gatehouse.Linux.Processes;

/// <summary>The user that this process acts as (credentials(7)).</summary>
public static unsafe partial class ProcessUser
{
    /// <summary>Gives up root for good: all threads become the user, with the groups that it has.</summary>
    /// <exception cref="LinuxException">There is no such user (ENOENT), or this process is not root (EPERM).</exception>
    public static void Become(string name)
    {
        var entry = Find(name);
        if (entry == null) throw new LinuxException($"becoming user {name}", Errno.ENOENT, "there is no such user");
        var (user, group) = (entry->User, entry->Group);
        if (InitGroups(name, group) < 0 || SetGroup(group) < 0 || SetUser(user) < 0) throw new LinuxException($"becoming user {name}", Marshal.GetLastSystemError());
    }

    /// <summary>Whether there is such a user.</summary>
    public static bool Exists(string name) => Find(name) != null;

    [LibraryImport("libc", EntryPoint = "getpwnam", StringMarshalling = StringMarshalling.Utf8)]
    private static partial Entry* Find(string name);

    [LibraryImport("libc", EntryPoint = "initgroups", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int InitGroups(string name, uint group);

    // glibc does it in every thread, which the kernel would do in one.
    [LibraryImport("libc", EntryPoint = "setgid")]
    private static partial int SetGroup(uint group);

    [LibraryImport("libc", EntryPoint = "setuid")]
    private static partial int SetUser(uint user);

    /// <summary>struct passwd, as far as it is read.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public byte* Name;
        public byte* Password;
        public uint User;
        public uint Group;
    }
}
