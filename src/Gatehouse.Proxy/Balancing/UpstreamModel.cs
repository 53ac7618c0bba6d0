using System.Text;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Tls;

namespace Gatehouse.Proxy.Balancing;

/// <summary>A group of endpoints as the loops use it; of one snapshot.</summary>
internal sealed class UpstreamModel
{
    private readonly EndpointModel[] _schedule;

    public UpstreamModel(UpstreamGroup config, IReadOnlyList<EndpointModel> endpoints, UpstreamState state, UpstreamTlsState? tls)
    {
        Tls = tls;
        Config = config;
        Endpoints = endpoints;
        LogName = Encoding.UTF8.GetBytes(config.Name);
        _schedule = RoundRobinSchedule.Build([.. endpoints.Select((e, i) => (e, config.Endpoints[i].Weight))]);
        State = state;
    }

    public UpstreamGroup Config { get; }

    /// <summary>What TLS is spoken with; null: in plain.</summary>
    public UpstreamTlsState? Tls { get; }

    /// <summary>TLS is configured and can't be spoken: then nothing is.</summary>
    public bool IsUnspeakable => Config.Tls is not null && Tls is null;

    /// <summary>What outlives snapshots.</summary>
    public UpstreamState State { get; }

    public IReadOnlyList<EndpointModel> Endpoints { get; }

    /// <summary>Its name for log lines.</summary>
    public byte[] LogName { get; }

    public long ConnectMilliseconds => (long)Config.Timeouts.Connect.TotalMilliseconds;

    public long ResponseMilliseconds => (long)Config.Timeouts.Response.TotalMilliseconds;

    public long IdleMilliseconds => (long)Config.Timeouts.Idle.TotalMilliseconds;

    public long TunnelMilliseconds => (long)(Config.Timeouts.Tunnel ?? TimeSpan.FromHours(1)).TotalMilliseconds;

    public long KeepAliveMilliseconds => (long)Config.Timeouts.KeepAlive.TotalMilliseconds;

    /// <summary>Whose turn it is; over all loops one after the other. Null: there is none.</summary>
    /// <param name="except">One that failed just now; it is taken all the same when there is no other.</param>
    public EndpointModel? Choose(EndpointModel? except = null)
    {
        var schedule = _schedule;
        if (schedule.Length == 0 || IsUnspeakable) return null;
        if (schedule.Length == 1) return schedule[0];
        var first = schedule[State.NextTurn() % (uint)schedule.Length];
        for (var tries = schedule.Length; first == except && tries > 0; tries--) first = schedule[State.NextTurn() % (uint)schedule.Length];
        return first;
    }
}

/// <summary>A group through all snapshots: what it is now, and what the loops share of it, on cache lines of its own.</summary>
[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential)]
internal sealed class UpstreamState(string name, int counter)
{
#pragma warning disable CS0169, IDE0051 // Room, so that nothing else shares its cache line.
    private readonly long _a, _b, _c, _d, _e, _f, _g;
    private uint _turn = uint.MaxValue;
    private int _active;
    private readonly long _h, _i, _j, _k, _l, _m, _n;
#pragma warning restore CS0169, IDE0051

    private volatile UpstreamModel? _current;

    public string Name { get; } = name;

    /// <summary>Where it is counted.</summary>
    public int Counter { get; } = counter;

    /// <summary>The present snapshot's.</summary>
    public UpstreamModel Current { get => _current!; set => _current = value; }

    /// <summary>Requests and sessions that it has now.</summary>
    public int Active => Volatile.Read(ref _active);

    public uint NextTurn() => Interlocked.Increment(ref _turn);

    public void Begin() => Interlocked.Increment(ref _active);

    public void End() => Interlocked.Decrement(ref _active);
}

/// <summary>An endpoint as the loops use it. It outlives snapshots as long as its group, name and address stay.</summary>
internal sealed class EndpointModel(string group, Endpoint config, int index)
{
    public string Group { get; } = group;

    public string Name { get; } = config.Name;

    /// <summary>Where its idle connections and figures are.</summary>
    public int Index { get; } = index;

    public SocketEndPoint Address { get; } = new(config.Address);

    /// <summary>Whether it is the one at an address.</summary>
    public bool IsAt(System.Net.IPEndPoint address) => config.Address.Equals(address);

    /// <summary>Its name for log lines.</summary>
    public byte[] LogName { get; } = Encoding.UTF8.GetBytes(config.Name);

    private int _active;

    /// <summary>No longer configured: what is open is used to its end and not again.</summary>
    public volatile bool IsRemoved;

    /// <summary>Requests and sessions that it has now, over all loops.</summary>
    public int Active => Volatile.Read(ref _active);

    public void Begin() => Interlocked.Increment(ref _active);

    public void End() => Interlocked.Decrement(ref _active);
}

/// <summary>The order in which endpoints get their turns: as often as their weights say, and spread as evenly as that allows.</summary>
internal static class RoundRobinSchedule
{
    /// <summary>One round; endpoints without weight have no place in it.</summary>
    public static EndpointModel[] Build(IReadOnlyList<(EndpointModel Endpoint, int Weight)> endpoints)
    {
        var active = endpoints.Where(e => e.Weight > 0).ToArray();
        if (active.Length == 0) return [];
        var divisor = active.Select(e => e.Weight).Aggregate(GreatestCommonDivisor);
        var weights = active.Select(e => e.Weight / divisor).ToArray();
        var total = weights.Sum();
        if (total == active.Length) return [.. active.Select(a => a.Endpoint)];

        // Each turn everyone gains its weight, the richest is taken and pays for all.
        var credit = new int[active.Length];
        var schedule = new EndpointModel[total];
        for (var turn = 0; turn < total; turn++)
        {
            var richest = 0;
            for (var i = 0; i < active.Length; i++)
            {
                credit[i] += weights[i];
                if (credit[i] > credit[richest]) richest = i;
            }

            credit[richest] -= total;
            schedule[turn] = active[richest].Endpoint;
        }

        return schedule;
    }

    private static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
