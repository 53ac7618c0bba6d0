using System.Globalization;
using Gatehouse.Linux.Native;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux.Processes;

/// <summary>Signals that are sent here (signal(7)).</summary>
public enum ProcessSignal
{
    /// <summary>None: only asks whether it could be sent.</summary>
    None = 0,
    Hangup = 1,
    Interrupt = 2,
    Kill = 9,
    User1 = 10,
    User2 = 12,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}

/// <summary>
/// One process for all time: a pid is given out again, a pid with its start time is not. Keep both on disk to find a process
/// again after a restart.
/// </summary>
/// <param name="Pid">Positive.</param>
/// <param name="StartTime">Clock ticks from the machine's boot to its start (/proc/PID/stat, field 22).</param>
public readonly record struct ProcessIdentity(int Pid, ulong StartTime)
{
    private const int PidFdOpen = 434;
    private const int PidFdSendSignal = 424;

    /// <summary>Whether it runs; one that ended and was not yet waited for does not.</summary>
    public bool IsAlive => Read(Pid) is { } found && found.StartTime == StartTime && found.State is not ('Z' or 'X');

    /// <summary>Who has that pid now, or null.</summary>
    public static ProcessIdentity? Of(int pid) => Read(pid) is { } found ? new ProcessIdentity(pid, found.StartTime) : null;

    /// <summary>Sends a signal. False: it is gone, and nobody else got the signal.</summary>
    /// <exception cref="LinuxException">EPERM: it is another user's.</exception>
    public bool Signal(ProcessSignal signal)
    {
        using var handle = OpenHandle();
        if (handle is null)
        {
            return false;
        }

        if (Libc.SystemCall(PidFdSendSignal, handle.DangerousGetHandle(), (int)signal, 0, 0) == 0)
        {
            return true;
        }

        return Libc.LastErrno == (int)Errno.ESRCH ? false : throw new LinuxException($"sending signal {signal} to {Pid}", Libc.LastErrno);
    }

    /// <summary>Sends a signal to its process group, which a detached process leads with its children. False: the leader is gone.</summary>
    public bool SignalGroup(ProcessSignal signal)
    {
        // The number of a group is not given out again while its leader lives.
        if (!IsAlive)
        {
            return false;
        }

        if (Libc.Kill(-Pid, (int)signal) == 0)
        {
            return true;
        }

        return Libc.LastErrno == (int)Errno.ESRCH ? false : throw new LinuxException($"sending signal {signal} to group {Pid}", Libc.LastErrno);
    }

    /// <summary>Ends when the process has; at once if it is gone. It need not be a child.</summary>
    /// <exception cref="OperationCanceledException"/>
    public async Task WaitForExitAsync(CancellationToken cancellationToken = default)
    {
        using var handle = OpenHandle();
        if (handle is not null)
        {
            await Readiness.Shared.WaitReadableAsync(handle, cancellationToken);
        }
    }

    /// <summary>Asks it to end, and after the grace makes it end. False: it had to be made to.</summary>
    /// <param name="grace">How long it may take after SIGTERM.</param>
    /// <param name="time">The clock of the grace.</param>
    /// <param name="cancellationToken">Gives up waiting; the process may live on.</param>
    public async Task<bool> StopAsync(TimeSpan grace, TimeProvider time, CancellationToken cancellationToken = default)
    {
        if (!Signal(ProcessSignal.Terminate))
        {
            return true;
        }

        using var patience = new CancellationTokenSource(grace, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await WaitForExitAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            SignalGroup(ProcessSignal.Kill);
            Signal(ProcessSignal.Kill);
            await WaitForExitAsync(cancellationToken);
            return false;
        }
    }

    /// <summary>A handle (pidfd) on exactly this process, or null if it is gone.</summary>
    internal SafeFileHandle? OpenHandle()
    {
        var fd = Libc.SystemCall(PidFdOpen, Pid, 0, 0, 0);
        if (fd < 0)
        {
            return Libc.LastErrno is (int)Errno.ESRCH or (int)Errno.EINVAL ? null : throw new LinuxException("pidfd_open of " + Pid, Libc.LastErrno);
        }

        // The pid may have changed hands before the handle was opened, not after: then the start time is another's.
        var handle = new SafeFileHandle((nint)fd, ownsHandle: true);
        if (Read(Pid)?.StartTime == StartTime)
        {
            return handle;
        }

        handle.Dispose();
        return null;
    }

    private static (char State, ulong StartTime)? Read(int pid)
    {
        const int startTimeAfterName = 19;
        try
        {
            // "12 (any name ) even this) S 1 …": the name may hold anything, so fields count from the last parenthesis.
            var text = File.ReadAllText($"/proc/{pid}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], ulong.Parse(fields[startTimeAfterName], CultureInfo.InvariantCulture));
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (IOException gone) when (gone.HResult == (int)Errno.ESRCH)
        {
            return null; // It ended between opening and reading.
        }
    }
}
