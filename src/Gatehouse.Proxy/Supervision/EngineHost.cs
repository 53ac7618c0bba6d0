using System.Text.Json;
using Gatehouse.Linux;
using Gatehouse.Linux.Processes;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Access.Admin;
using Gatehouse.Proxy.Access.Log;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Delta;
using Gatehouse.Proxy.Configuration.Snapshot;
using Gatehouse.Proxy.Engine;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Proxy.Supervision;

/// <summary>
/// An engine's process: takes a snapshot, listening sockets and changes from its parent, answers at the control socket, and ends when it has drained. When the parent dies it goes on:
/// a new parent takes its listeners over at the control socket.
/// </summary>
public sealed class EngineHost : IDisposable
{
    /// <summary>The name under which the control socket comes.</summary>
    internal const string ControlName = "/control";

    /// <summary>The name under which the admin endpoint's socket comes.</summary>
    internal const string AdminName = "/admin";

    private const int Failure = 1;

    private static readonly TimeSpan RotationPeriod = TimeSpan.FromMinutes(1);

    /// <summary>What is left for connections that were cut off to be recorded.</summary>
    private static readonly TimeSpan CutTime = TimeSpan.FromSeconds(1);

    private readonly UnixChannel _parent;
    private readonly TimeProvider _time;
    private readonly ManualResetEventSlim _end = new();
    private readonly Dictionary<string, SafeFileHandle> _given = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly EngineState _state;
    private ProxyEngine? _engine;
    private ControlServer? _control;
    private AdminServer? _admin;
    private SafeFileHandle? _controlListener;
    private ProxyConfig _config = new();
    private ITimer? _rotation;
    private int _exitCode;

    private EngineHost(UnixChannel parent, TimeProvider time) => (_parent, _time, _state) = (parent, time, new EngineState(time));

    /// <summary>Runs an engine to its end. The exit code.</summary>
    /// <param name="channel">The descriptor of the channel to the parent.</param>
    /// <param name="time">The clock.</param>
    public static int Run(int channel, TimeProvider time)
    {
        using var host = new EngineHost(new UnixChannel(new SafeFileHandle(channel, ownsHandle: true)), time);
        new Thread(host.Listen) { IsBackground = true, Name = "parent" }.Start();
        host._end.Wait();
        return host._exitCode;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rotation?.Dispose();
        _control?.Dispose();
        _admin?.Dispose();
        _engine?.Dispose();
        _state.Log?.Dispose();
        _parent.Dispose();
        _end.Dispose();
    }

    private void Listen()
    {
        try
        {
            while (_parent.Receive() is { } message) Take(EngineMessage.Read(message.Bytes), message.Descriptors);
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            Fail($"the parent said what is not understood: {e.Message}");
        }

        // The parent is gone. What serves goes on; what never began has nothing to do.
        if (_control is null) End(Failure);
    }

    private void Take(EngineMessage message, IReadOnlyList<SafeFileHandle> descriptors)
    {
        switch (message.Act)
        {
            case EngineAct.Start:
                _state.Restarts = message.Restarts;
                using (var snapshot = descriptors.Single()) Start(snapshot);
                break;
            case EngineAct.Listeners:
                foreach (var (name, fd) in message.Names!.Zip(descriptors)) Give(name, fd);
                break;
            case EngineAct.Serve:
                Serve();
                break;
            case EngineAct.Change:
                Change();
                break;
            case EngineAct.Drain:
                Drain();
                break;
            case EngineAct.Reopen:
                _state.Log?.Reopen();
                break;
        }
    }

    private void Start(SafeFileHandle snapshot)
    {
        var outcome = SnapshotFile.Read(snapshot, "the snapshot");
        if (_engine is not null)
        {
            if (outcome.Config is { } next) Adopt(next, outcome.Revision);
            TellApplied(outcome.Problem);
        }
        else if (outcome.Config is { } config) Begin(config, outcome.Revision);
        else Fail(outcome.Problem ?? "the snapshot is empty");
    }

    private void Begin(ProxyConfig config, long revision)
    {
        (_config, _state.Revision) = (config, revision);
        DescriptorLimit.Raise(((long)config.Engine.MaxConnections * 2) + 1_024);
        try
        {
            if (config.Engine.User is { } user && Environment.IsPrivilegedProcess) ProcessUser.Become(user);
        }
        catch (LinuxException e)
        {
            Fail($"engine.user: {e.Message}");
            return;
        }

        var engine = new ProxyEngine(config.Engine.Threads, _time);
        engine.Apply(config);
        _engine = engine;
        _state.Log = new EngineLog(engine, _time, problem => Tell(new EngineMessage { Act = EngineAct.Noticed, Problem = problem }));
        _state.Log.Apply(config.AccessLog);
        _rotation = _time.CreateTimer(static e => ((ProxyEngine)e!).Compiled.RotateTickets(), engine, RotationPeriod, RotationPeriod);
    }

    /// <summary>Sockets are kept until what they are for is in place: until it serves, or a change comes.</summary>
    private void Give(string name, SafeFileHandle fd)
    {
        if (name == ControlName) _controlListener = fd;
        else
        {
            if (_given.Remove(name, out var former)) former.Dispose();
            _given[name] = fd;
        }
    }

    private void TakeUpGiven()
    {
        foreach (var (name, fd) in _given) Listen(name, fd);
        _given.Clear();
    }

    private void Serve()
    {
        if (_engine is null) return;

        // What was needed to read the snapshot goes back to the kernel while nobody waits for a loop.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _engine.Start();
        TakeUpGiven();
        _control = new ControlServer(Answer);
        if (_controlListener is not null) _control.Start(_controlListener);
        _state.IsServing = true;
        Tell(new EngineMessage { Act = EngineAct.Ready, Revision = _state.Revision, Faults = Faults() });
    }

    private void Listen(string name, SafeFileHandle fd)
    {
        var descriptor = (int)fd.DangerousGetHandle();
        fd.SetHandleAsInvalid(); // The engine's from now on.
        if (name != AdminName)
        {
            lock (_lock) _engine!.Listen(name, descriptor);
            return;
        }

        EndAdmin();
        var admin = new AdminServer(_engine!, _state, _time);
        admin.Start(descriptor);
        lock (_lock) _admin = admin;
    }

    private void Change()
    {
        var bytes = _parent.Receive()?.Bytes ?? [];
        var (delta, problem) = DeltaCodec.Read(bytes);
        if (delta is not null)
        {
            var next = delta.Base == _state.Revision ? ConfigDelta.Apply(_config, delta) : null;
            if (next is null) problem = $"the change begins at revision {delta.Base}, and here is {_state.Revision}";
            else Adopt(next, delta.Target);
        }

        TellApplied(problem);
    }

    private void TellApplied(string? problem) => Tell(new EngineMessage { Act = EngineAct.Applied, Revision = _state.Revision, Problem = problem, Faults = Faults() });

    private IReadOnlyList<string>? Faults() => _engine!.Compiled.TlsFaults is { Count: > 0 } faults ? [.. faults.Select(f => f.ToString())] : null;

    private void Adopt(ProxyConfig config, long revision)
    {
        // A hand-over in between would send descriptors that are closed meanwhile.
        lock (_lock) _engine!.Apply(config);
        _state.Log!.Apply(config.AccessLog);
        (_config, _state.Revision) = (config, revision);
        if (config.Engine.Admin is null) EndAdmin();
        TakeUpGiven();
        _engine.WaitForLoops(); // Who is told that it is in place may rely on it.
    }

    /// <summary>Ends when the last connection has. At the deadline those that are left are cut off, and recorded so.</summary>
    private void Drain()
    {
        lock (_lock)
        {
            if (_state.IsDraining) return;
            _state.IsDraining = true;
        }

        if (_engine is not { } engine)
        {
            End(0);
            return;
        }

        _control?.Dispose();
        engine.Drain();
        new Thread(() =>
        {
            if (!engine.WaitUntilIdle(_config.Engine.DrainTimeout))
            {
                engine.CutOff();
                engine.WaitUntilIdle(CutTime);
            }

            End(0);
        })
        { IsBackground = true, Name = "drain" }.Start();
    }

    private ControlReply? Answer(ControlRequest request, UnixChannel client)
    {
        switch (request.Act)
        {
            case ControlAct.TakeOver:
                return HandOver(client);
            case ControlAct.Replaced:
                Tell(new EngineMessage { Act = EngineAct.Replaced });
                EndAdmin(); // The successor answers there.
                ControlServer.Send(client, new ControlReply()); // First: with no connection left this process ends at once, and a successor that hears nothing takes it for dead.
                Drain();
                return null;
            default:
                return EngineAnswers.Of(request, _engine!, _config, _state);
        }
    }

    /// <summary>All listening sockets, the control socket among them. This process goes on accepting until the successor says that it does.</summary>
    private ControlReply HandOver(UnixChannel client)
    {
        lock (_lock)
        {
            if (_state.IsDraining) return new ControlReply { Problem = "it ends already: there is nothing to take over" };
            var all = _engine!.Descriptors.Append(KeyValuePair.Create(ControlName, _control!.Descriptor)).Append(KeyValuePair.Create(AdminName, _admin?.Descriptor ?? -1)).Where(d => d.Value >= 0);
            foreach (var part in all.Chunk(UnixChannel.MostDescriptors))
            {
                var reply = new ControlReply { Names = [.. part.Select(p => p.Key)] };
                client.Send(JsonSerializer.SerializeToUtf8Bytes(reply, EngineMessageJson.Default.ControlReply), [.. part.Select(p => p.Value)]);
            }
        }

        return new ControlReply();
    }

    private void EndAdmin()
    {
        AdminServer? admin;
        lock (_lock) (admin, _admin) = (_admin, null);
        admin?.Dispose();
    }

    private void Fail(string problem)
    {
        Tell(new EngineMessage { Act = EngineAct.Failed, Problem = problem });
        End(Failure);
    }

    private void Tell(EngineMessage message) => _parent.Send(message.ToBytes());

    private void End(int exitCode)
    {
        _exitCode = exitCode;
        _end.Set();
    }
}
