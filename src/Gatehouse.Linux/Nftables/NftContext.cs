using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.Nftables;

/// <summary>
/// Runs nft scripts in this process, in one network namespace. The context has a thread of its own there, since the library
/// opens sockets on the thread that calls it. The library keeps names of devices in variables of the process: all contexts
/// of a process therefore wait for each other. Safe for several threads.
/// </summary>
public sealed class NftContext : IDisposable
{
    private static readonly Lock Library = new();

    private readonly BlockingCollection<Action> _work = new(boundedCapacity: 256);
    private readonly Thread _thread;
    private readonly NetworkNamespace? _namespace;
    private nint _context;
    private int _closed;

    private NftContext(NetworkNamespace? ns)
    {
        _namespace = ns;
        _thread = new Thread(Loop) { IsBackground = true, Name = "gatehouse nft" };
    }

    /// <summary>Opens the library in the namespace; null is the caller's.</summary>
    /// <exception cref="LinuxException">The library is not installed, or the namespace cannot be entered.</exception>
    public static NftContext Open(NetworkNamespace? ns = null)
    {
        using var here = ns is null ? NetworkNamespace.Current() : null;
        var context = new NftContext(ns ?? here);
        context._thread.Start();
        try
        {
            context.OnThread<object?>(() =>
            {
                context._namespace!.Enter();
                context._context = NewContext();
                return null;
            });
            return context;
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>Runs the script as one transaction and returns what its list commands print.</summary>
    /// <exception cref="NftException">The library or the kernel refuses it: with the library's own message. Nothing was applied.</exception>
    public string Run(string script) => OnThread(() => RunHere(script, flags: 0, dry: false));

    /// <summary>Runs list commands and returns their output as libnftables-json(5), handles included.</summary>
    /// <inheritdoc cref="Run"/>
    public string RunJson(string script)
        => OnThread(() => RunHere(script, Libnftables.OutputJson | Libnftables.OutputHandle, dry: false));

    /// <summary>Has library and kernel check the script and apply none of it.</summary>
    /// <inheritdoc cref="Run"/>
    public void Check(string script) => OnThread(() => RunHere(script, flags: 0, dry: true));

    /// <summary>Ends the thread after the work in hand.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return;
        }

        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    /// <summary>As a file in memory: of a text in memory the library shows the first line whichever line is wrong.</summary>
    private string RunHere(string script, uint flags, bool dry)
    {
        const uint closeOnExec = 1;
        using var file = Libc.CreateMemoryFile("gatehouse-nft", closeOnExec);
        if (file.IsInvalid)
        {
            throw new LinuxException("memfd_create for an nft script", Libc.LastErrno);
        }

        RandomAccess.Write(file, Encoding.UTF8.GetBytes(script), 0);
        var path = "/proc/self/fd/" + file.DangerousGetHandle();
        lock (Library)
        {
            Libnftables.SetOutputFlags(_context, flags);
            Libnftables.SetDryRun(_context, dry);
            var failed = Libnftables.RunFile(_context, path) != 0;

            // Both buffers begin anew when they are read.
            var output = Marshal.PtrToStringUTF8(Libnftables.Output(_context)) ?? "";
            var error = Marshal.PtrToStringUTF8(Libnftables.Error(_context)) ?? "";
            return failed ? throw Refusal(error.Replace(path + ":", "line ", StringComparison.Ordinal).Trim()) : output;
        }
    }

    private static NftException Refusal(string words) => new(words.Length > 0 ? words : "libnftables refused the script and gave no reason");

    private static nint NewContext()
    {
        try
        {
            lock (Library)
            {
                var context = Libnftables.New(0);
                if (context == 0)
                {
                    throw new LinuxException("nft_ctx_new", Errno.ENOMEM);
                }

                if (Libnftables.BufferOutput(context) != 0 || Libnftables.BufferError(context) != 0)
                {
                    Libnftables.Free(context);
                    throw new LinuxException("nft_ctx_buffer_output", Errno.ENOMEM);
                }

                return context;
            }
        }
        catch (DllNotFoundException missing)
        {
            throw new LinuxException("libnftables.so.1 is not on this machine; install libnftables1", missing);
        }
    }

    private void Loop()
    {
        foreach (var act in _work.GetConsumingEnumerable())
        {
            act();
        }

        if (_context != 0)
        {
            lock (Library)
            {
                Libnftables.Free(_context);
            }
        }
    }

    private T OnThread<T>(Func<T> act)
    {
        var began = Stopwatch.GetTimestamp();
        var done = new TaskCompletionSource<T>();
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _closed) != 0, this);
        _work.Add(() =>
        {
            try
            {
                done.SetResult(act());
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        });
        try
        {
            return done.Task.GetAwaiter().GetResult();
        }
        finally
        {
            LinuxMetrics.Script(began);
        }
    }
}
