using System.Runtime.InteropServices;
using Gatehouse.Linux.Native;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux.Processes;

/// <summary>A process to start.</summary>
/// <param name="File">A path, or a name that is looked for in PATH.</param>
public sealed record ProcessOptions(string File)
{
    /// <summary>What follows the program's name.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>All of its environment: nothing is handed down. Default: a PATH of the system's folders.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    };

    /// <summary>The network namespace it runs in; null is the caller's.</summary>
    public NetworkNamespace? Namespace { get; init; }

    /// <summary>Where its output is appended to, made with mode 0640 if it is not there; null throws it away.</summary>
    public string? StandardOutput { get; init; }

    /// <summary>Where its errors go; null: where its output goes.</summary>
    public string? StandardError { get; init; }

    /// <summary>Its output and errors go where the caller's go, unless they are given.</summary>
    public bool InheritsOutput { get; init; }

    /// <summary>A descriptor of the caller's that it finds as descriptor 3; null: none.</summary>
    public SafeHandle? Descriptor { get; init; }

    /// <summary>Null is the caller's.</summary>
    public string? WorkingDirectory { get; init; }
}

/// <summary>How a process ended.</summary>
/// <param name="Code">What it returned, or null if a signal ended it or nobody can say.</param>
/// <param name="Signal">The signal that ended it, or null.</param>
public readonly record struct ProcessExit(int? Code, int? Signal);

/// <summary>
/// A process that outlives its parent: it leads a session of its own (no terminal, no hang-up), has no descriptor of the
/// parent's but the three standard ones, which lead to files, and the one that it is given, and all signals at their defaults. When the parent dies, init
/// inherits it. What ends it all the same is the control group: a systemd unit needs KillMode=process.
/// </summary>
public sealed class DetachedProcess
{
    private DetachedProcess(ProcessIdentity identity, SafeFileHandle handle)
    {
        Identity = identity;
        Exit = ReapAsync(handle);
    }

    /// <summary>Who it is; keep it on disk to find it again.</summary>
    public ProcessIdentity Identity { get; }

    /// <summary>Ends when the process has, with how; it is waited for, so that it does not stay as a zombie.</summary>
    public Task<ProcessExit> Exit { get; }

    /// <summary>Starts the process; it runs when this returns.</summary>
    /// <exception cref="LinuxException">
    /// ENOENT: program, folder or namespace is not there; EACCES: it may not be run, or its output not be written.
    /// </exception>
    public static DetachedProcess Start(ProcessOptions options)
    {
        if (options.WorkingDirectory is { } folder && !Directory.Exists(folder))
        {
            throw new LinuxException($"starting {options.File} in {folder}", Errno.ENOENT, "there is no such folder");
        }

        foreach (var output in (ReadOnlySpan<string?>)[options.StandardOutput, options.StandardError])
        {
            if (Path.GetDirectoryName(output) is { Length: > 0 } place && !Directory.Exists(place))
            {
                throw new LinuxException($"starting {options.File} with output to {output}", Errno.ENOENT, "there is no folder " + place);
            }
        }

        // The child gets the namespace of the thread that makes it.
        var pid = options.Namespace is { } ns ? ns.Run(() => SpawnHere(options)) : SpawnHere(options);

        // Nobody else waits for it, so that the pid is still its own, even if it has ended.
        var identity = ProcessIdentity.Of(pid) ?? throw new LinuxException("finding " + options.File, Errno.ESRCH);
        var handle = identity.OpenHandle() ?? throw new LinuxException("finding " + options.File, Errno.ESRCH);
        return new DetachedProcess(identity, handle);
    }

    private static async Task<ProcessExit> ReapAsync(SafeFileHandle handle)
    {
        using (handle)
        {
            await Readiness.Shared.WaitReadableAsync(handle, CancellationToken.None);
            return Reap(handle);
        }
    }

    private static unsafe ProcessExit Reap(SafeFileHandle handle)
    {
        const int byHandle = 3; // P_PIDFD
        const int exited = 4;   // WEXITED
        const int codeOffset = 8;
        const int statusOffset = 24;
        const int byItself = 1; // CLD_EXITED
        var info = stackalloc byte[128];
        if (Libc.WaitId(byHandle, (uint)handle.DangerousGetHandle(), info, exited) < 0)
        {
            return default; // ECHILD: another waited for it.
        }

        var status = *(int*)(info + statusOffset);
        return *(int*)(info + codeOffset) == byItself ? new ProcessExit(status, null) : new ProcessExit(null, status & 0x7F);
    }

    private static unsafe int SpawnHere(ProcessOptions options)
    {
        var actions = stackalloc byte[Spawn.StructureSize];
        var attributes = stackalloc byte[Spawn.StructureSize];
        Check(Spawn.ActionsInit(actions), options);
        Check(Spawn.AttributesInit(attributes), options);
        var arguments = new TextArray([options.File, .. options.Arguments]);
        var environment = new TextArray([.. options.Environment.Select(static pair => pair.Key + "=" + pair.Value)]);
        try
        {
            WriteActions(actions, options);
            WriteSignals(attributes, options);
            int pid;
            fixed (nint* first = arguments.Pointers, second = environment.Pointers)
            {
                Check(Spawn.Start(&pid, (byte*)arguments.Pointers[0], actions, attributes, (byte**)first, (byte**)second), options);
            }

            return pid;
        }
        finally
        {
            arguments.Free();
            environment.Free();
            _ = Spawn.ActionsDestroy(actions);
            _ = Spawn.AttributesDestroy(attributes);
        }
    }

    private static unsafe void WriteActions(byte* actions, ProcessOptions options)
    {
        const string nowhere = "/dev/null";
        const int append = Libc.OpenWriteOnly | Libc.OpenCreate | Libc.OpenAppend;
        const uint mode = 0x1A0; // 0640
        const int firstFree = 3;

        // First, for it may have a number that is given away next; to itself, it loses its close-on-exec (glibc).
        if (options.Descriptor is { } descriptor)
        {
            Check(Spawn.AddDuplicate(actions, (int)descriptor.DangerousGetHandle(), firstFree), options);
        }

        Check(Spawn.AddOpen(actions, 0, nowhere, Libc.OpenReadOnly, 0), options);
        if (options.StandardOutput is not null || !options.InheritsOutput)
        {
            Check(Spawn.AddOpen(actions, 1, options.StandardOutput ?? nowhere, append, mode), options);
        }

        if (options.StandardError is { } errors)
        {
            Check(Spawn.AddOpen(actions, 2, errors, append, mode), options);
        }
        else if (!options.InheritsOutput)
        {
            Check(Spawn.AddDuplicate(actions, 1, 2), options);
        }

        Check(Spawn.AddCloseFrom(actions, options.Descriptor is null ? firstFree : firstFree + 1), options);
        if (options.WorkingDirectory is { } folder)
        {
            Check(Spawn.AddChangeDirectory(actions, folder), options);
        }
    }

    /// <summary>The runtime ignores SIGPIPE and blocks others; a program expects neither.</summary>
    private static unsafe void WriteSignals(byte* attributes, ProcessOptions options)
    {
        var all = stackalloc byte[Spawn.SignalSetSize];
        var none = stackalloc byte[Spawn.SignalSetSize];
        new Span<byte>(all, Spawn.SignalSetSize).Fill(0xFF);
        new Span<byte>(none, Spawn.SignalSetSize).Clear();
        Check(Spawn.SetDefaults(attributes, all), options);
        Check(Spawn.SetMask(attributes, none), options);
        Check(Spawn.SetFlags(attributes, Spawn.SetSession | Spawn.SetSignalDefaults | Spawn.SetSignalMask), options);
    }

    private static void Check(int errno, ProcessOptions options)
    {
        if (errno != 0)
        {
            throw new LinuxException("starting " + options.File, errno);
        }
    }

    /// <summary>Texts as C has them: an array of pointers with a null at its end.</summary>
    private readonly struct TextArray(string[] texts)
    {
        public nint[] Pointers { get; } = [.. texts.Select(Marshal.StringToCoTaskMemUTF8), 0];

        public void Free()
        {
            foreach (var pointer in Pointers)
            {
                Marshal.FreeCoTaskMem(pointer);
            }
        }
    }
}
