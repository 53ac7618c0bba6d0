using Gatehouse.Proxy.Access;

namespace Gatehouse.ProxyRun;

/// <summary>What a table of rates is ordered by.</summary>
internal enum TopOrder
{
    Requests,
    InFlight,
    Errors,
    Bytes,
    Time,
    Name,
}

/// <summary>What became of a thing between two looks at it, for each second.</summary>
internal sealed record TopRow
{
    public required string Name { get; init; }

    public required string Address { get; init; }

    public required long Open { get; init; }

    public required long InFlight { get; init; }

    public required double Requests { get; init; }

    public required double Errors { get; init; }

    public required double BytesIn { get; init; }

    public required double BytesOut { get; init; }

    /// <summary>Of the requests that ended meanwhile; null when none did.</summary>
    public required double? MeanMilliseconds { get; init; }
}

/// <summary>The rates between two looks at an engine.</summary>
internal sealed record TopRates(EngineFigures Now, IReadOnlyList<TopRow> Listeners, IReadOnlyList<TopRow> Routes, IReadOnlyList<TopRow> Endpoints)
{
    /// <summary>From one look to the next. An engine that was started meanwhile began with nothing.</summary>
    public static TopRates Between(EngineFigures before, EngineFigures now)
    {
        var same = before.Pid == now.Pid;
        var seconds = same ? now.Age - before.Age : now.Age;
        return new TopRates(now, Rows(same ? before.Listeners : [], now.Listeners, seconds), Rows(same ? before.BusyRoutes : [], now.BusyRoutes, seconds), Rows(same ? before.Endpoints : [], now.Endpoints, seconds));
    }

    /// <summary>Rows in order, most first; of equals in the order of their names.</summary>
    public static IEnumerable<TopRow> Sort(IEnumerable<TopRow> rows, TopOrder order) =>
        rows.OrderByDescending(r => order switch
        {
            TopOrder.Requests => r.Requests,
            TopOrder.InFlight => r.InFlight,
            TopOrder.Errors => r.Errors,
            TopOrder.Bytes => r.BytesIn + r.BytesOut,
            TopOrder.Time => r.MeanMilliseconds ?? -1,
            _ => 0,
        }).ThenBy(r => r.Name, StringComparer.Ordinal);

    private static List<TopRow> Rows(IReadOnlyList<ThingFigures> before, IReadOnlyList<ThingFigures> now, double seconds)
    {
        var known = before.ToDictionary(f => f.Name, StringComparer.Ordinal);
        return [.. now.Select(f => Row(known.GetValueOrDefault(f.Name) ?? new ThingFigures { Name = f.Name }, f, seconds))];
    }

    private static TopRow Row(ThingFigures before, ThingFigures now, double seconds)
    {
        // One that was removed and came back counts from nothing.
        if (now.Requests < before.Requests || now.Ended < before.Ended) before = new ThingFigures { Name = now.Name };
        double Rate(long from, long to) => seconds > 0 ? Math.Max(0, to - from) / seconds : 0;
        var ended = now.Ended - before.Ended;
        return new TopRow
        {
            Name = now.Name,
            Address = now.Address,
            Open = now.Open,
            InFlight = now.InFlight,
            Requests = Rate(before.Requests, now.Requests),
            Errors = Rate(before.Errors, now.Errors),
            BytesIn = Rate(before.BytesIn, now.BytesIn),
            BytesOut = Rate(before.BytesOut, now.BytesOut),
            MeanMilliseconds = ended > 0 ? Math.Max(0, now.Milliseconds - before.Milliseconds) / (double)ended : null,
        };
    }
}
