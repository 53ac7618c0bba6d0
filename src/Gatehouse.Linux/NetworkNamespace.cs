using System.Runtime.ExceptionServices;
using Gatehouse.Linux.Native;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux;

/// <summary>A network namespace. Named ones lie in /run/netns, where <c>ip netns</c> sees them. Safe for several threads.</summary>
public sealed class NetworkNamespace : IDisposable
{
    private const string Folder = "/run/netns";
    private const nuint GetNamespaceType = 0xb703; // NS_GET_NSTYPE, linux/nsfs.h

    private NetworkNamespace(SafeFileHandle handle, string label)
    {
        Handle = handle;
        Label = label;
    }

    /// <summary>The open namespace; it lives at least as long as this handle.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>What messages call it: its name, <c>pid 12</c>, <c>current</c> or <c>unnamed</c>.</summary>
    public string Label { get; }

    /// <summary>The kernel's identity of it (its inode); two handles on one namespace have the same.</summary>
    public unsafe ulong Identity
    {
        get
        {
            // statx has one layout for all architectures, unlike stat.
            const int emptyPath = 0x1000;
            const uint inode = 0x100;
            const int inodeOffset = 32;
            var status = stackalloc byte[256];
            Check(Libc.Statx(Handle, "", emptyPath, inode, status) < 0, "statx of network namespace " + Label);
            return *(ulong*)(status + inodeOffset);
        }
    }

    /// <summary>Where the namespace of that name lies.</summary>
    /// <exception cref="ArgumentException">It cannot be a file's name.</exception>
    public static string PathOf(string name)
    {
        if (name is not { Length: > 0 and <= 255 } || name is "." or ".." || name.AsSpan().ContainsAny('/', '\0'))
        {
            throw new ArgumentException($"'{name}' cannot name a network namespace; give 1 to 255 characters without '/'", nameof(name));
        }

        return Path.Combine(Folder, name);
    }

    /// <summary>Makes a namespace that lasts until it is deleted. Its loopback device is down, as in every new one.</summary>
    /// <exception cref="LinuxException">EEXIST: there is one of that name; EPERM: no right to make one.</exception>
    public static NetworkNamespace Create(string name)
    {
        var path = PathOf(name);
        ShareFolder();
        using (var file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCreate | Libc.OpenExclusive | Libc.OpenCloseOnExec, 0))
        {
            Check(file.IsInvalid, $"creating {path}");
        }

        try
        {
            OnThread<object?>(() =>
            {
                Check(Libc.Unshare(Libc.CloneNewNet) < 0, "unshare of the network namespace for " + name);
                Check(Libc.Mount("/proc/thread-self/ns/net", path, "none", Libc.MountBind, 0) < 0, "mounting a network namespace at " + path);
                return null;
            });
            return Open(name);
        }
        catch
        {
            _ = Libc.Unlink(path);
            throw;
        }
    }

    /// <summary>Makes a namespace without a name: it is gone with its last handle, socket or process.</summary>
    public static NetworkNamespace CreateUnnamed() => OnThread(() =>
    {
        Check(Libc.Unshare(Libc.CloneNewNet) < 0, "unshare of the network namespace");
        return OpenPath("/proc/thread-self/ns/net", "unnamed");
    });

    /// <exception cref="LinuxException">ENOENT: there is none; EINVAL: the file there is no namespace (a leftover: delete it).</exception>
    public static NetworkNamespace Open(string name) => OpenPath(PathOf(name), name);

    /// <summary>The namespace that a process is in.</summary>
    public static NetworkNamespace OpenPid(int pid) => OpenPath($"/proc/{pid}/ns/net", "pid " + pid);

    /// <summary>The namespace of the calling thread.</summary>
    public static NetworkNamespace Current() => OpenPath("/proc/thread-self/ns/net", "current");

    /// <summary>Whether the name stands for a live namespace; a leftover file is none.</summary>
    public static bool Exists(string name)
    {
        if (!File.Exists(PathOf(name)))
        {
            return false;
        }

        try
        {
            Open(name).Dispose();
            return true;
        }
        catch (LinuxException fault) when (fault.Errno is Errno.EINVAL or Errno.ENOENT)
        {
            return false;
        }
    }

    /// <summary>All names, in order; also of leftover files, so that a clean-up finds them.</summary>
    public static IReadOnlyList<string> List()
        => Directory.Exists(Folder)
            ? [.. Directory.EnumerateFiles(Folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)]
            : [];

    /// <summary>Takes the name away; devices and rules go when the last process in it is gone. Nothing there is no error.</summary>
    public static void Delete(string name)
    {
        var path = PathOf(name);
        if (Libc.Unmount(path, Libc.UnmountDetach) < 0 && Libc.LastErrno is not ((int)Errno.EINVAL or (int)Errno.ENOENT))
        {
            throw new LinuxException("unmounting " + path, Libc.LastErrno);
        }

        if (Libc.Unlink(path) < 0 && Libc.LastErrno != (int)Errno.ENOENT)
        {
            throw new LinuxException("removing " + path, Libc.LastErrno);
        }
    }

    /// <summary>
    /// Runs the act on a thread of its own inside the namespace and waits for it. Sockets and files opened there stay in the
    /// namespace wherever they are used later; tasks started there do not run there.
    /// </summary>
    /// <exception cref="LinuxException">The namespace cannot be entered; what the act throws comes out as it is.</exception>
    public T Run<T>(Func<T> act) => OnThread(() =>
    {
        Enter();
        return act();
    });

    /// <inheritdoc cref="Run{T}(Func{T})"/>
    public void Run(Action act) => Run<object?>(() =>
    {
        act();
        return null;
    });

    /// <summary>Takes the calling thread in for good; only for a thread that ends there and belongs to no pool.</summary>
    internal void Enter() => Check(Libc.SetNamespace(Handle, Libc.CloneNewNet) < 0, "entering network namespace " + Label);

    public void Dispose() => Handle.Dispose();

    public override string ToString() => Label;

    private static NetworkNamespace OpenPath(string path, string label)
    {
        var handle = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec, 0);
        Check(handle.IsInvalid, $"opening network namespace {label}");
        if (Libc.Ioctl(handle, GetNamespaceType, 0) == Libc.CloneNewNet)
        {
            return new NetworkNamespace(handle, label);
        }

        handle.Dispose();
        throw new LinuxException($"opening network namespace {label}", Errno.EINVAL, path + " is not a network namespace");
    }

    /// <summary>
    /// Makes /run/netns a shared mount, as ip-netns does: else a namespace made here stays busy in the mount namespaces of others.
    /// </summary>
    private static void ShareFolder()
    {
        Directory.CreateDirectory(Folder);
        using var folder = Libc.Open(Folder, Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec, 0);
        Check(folder.IsInvalid, "opening " + Folder);
        Check(Libc.Flock(folder, Libc.LockExclusive) < 0, "locking " + Folder);
        if (Libc.Mount("", Folder, "none", Libc.MountShared | Libc.MountRecursive, 0) == 0)
        {
            return;
        }

        Check(Libc.LastErrno != (int)Errno.EINVAL, "sharing " + Folder);
        Check(Libc.Mount(Folder, Folder, "none", Libc.MountBind | Libc.MountRecursive, 0) < 0, "binding " + Folder);
        Check(Libc.Mount("", Folder, "none", Libc.MountShared | Libc.MountRecursive, 0) < 0, "sharing " + Folder);
    }

    /// <summary>A thread that changed its namespace is never given back to a pool: it ends with the act.</summary>
    private static T OnThread<T>(Func<T> act)
    {
        T result = default!;
        ExceptionDispatchInfo? fault = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = act();
            }
            catch (Exception caught)
            {
                fault = ExceptionDispatchInfo.Capture(caught);
            }
        })
        { IsBackground = true, Name = "gatehouse netns" };
        thread.Start();
        thread.Join();
        fault?.Throw();
        return result;
    }

    private static void Check(bool failed, string act)
    {
        if (failed)
        {
            throw new LinuxException(act, Libc.LastErrno);
        }
    }
}
