using System.Text;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Balancing;

/// <summary>A group of endpoints as the loops use it; immutable but for <see cref="Turn"/>, which it shares with the model that it replaced.</summary>
internal sealed class UpstreamModel
{
    private readonly EndpointModel[] _schedule;
    private readonly SharedTurn _turn;

    public UpstreamModel(UpstreamGroup config, IReadOnlyList<EndpointModel> endpoints, SharedTurn turn)
    {
        Config = config;
        Endpoints = endpoints;
        LogName = Encoding.UTF8.GetBytes(config.Name);
        _schedule = RoundRobinSchedule.Build(endpoints);
        _turn = turn;
    }

    public UpstreamGroup Config { get; }

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
        if (schedule.Length == 0) return null;
        if (schedule.Length == 1) return schedule[0];
        var first = schedule[_turn.Next() % (uint)schedule.Length];
        for (var tries = schedule.Length; first == except && tries > 0; tries--) first = schedule[_turn.Next() % (uint)schedule.Length];
        return first;
    }
}

/// <summary>A counter that loops share, on a cache line of its own.</summary>
[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential)]
internal sealed class SharedTurn
{
#pragma warning disable CS0169, IDE0051 // Room, so that nothing else shares its cache line.
    private readonly long _a, _b, _c, _d, _e, _f, _g;
    private uint _turn = uint.MaxValue;
    private readonly long _h, _i, _j, _k, _l, _m, _n;
#pragma warning restore CS0169, IDE0051

    public uint Next() => Interlocked.Increment(ref _turn);
}

/// <summary>An endpoint as the loops use it. It outlives snapshots as long as its group, name and address stay.</summary>
internal sealed class EndpointModel(string group, Endpoint config, int index)
{
    public string Group { get; } = group;

    public Endpoint Config { get; } = config;

    /// <summary>Where its idle connections and figures are.</summary>
    public int Index { get; } = index;

    public SocketEndPoint Address { get; } = new(config.Address);

    /// <summary>Its name for log lines.</summary>
    public byte[] LogName { get; } = Encoding.UTF8.GetBytes(config.Name);

    /// <summary>No longer configured: what is open is used to its end and not again.</summary>
    public volatile bool IsRemoved;
}

/// <summary>The order in which endpoints get their turns: as often as their weights say, and spread as evenly as that allows.</summary>
internal static class RoundRobinSchedule
{
    /// <summary>One round; endpoints without weight have no place in it.</summary>
    public static EndpointModel[] Build(IReadOnlyList<EndpointModel> endpoints)
    {
        var active = endpoints.Where(e => e.Config.Weight > 0).ToArray();
        if (active.Length == 0) return [];
        var divisor = active.Select(e => e.Config.Weight).Aggregate(GreatestCommonDivisor);
        var weights = active.Select(e => e.Config.Weight / divisor).ToArray();
        var total = weights.Sum();
        if (total == active.Length) return active;

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
            schedule[turn] = active[richest];
        }

        return schedule;
    }

    private static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
