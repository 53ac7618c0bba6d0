using System.Globalization;
using Gatehouse.Proxy.Access;

namespace Gatehouse.ProxyRun;

/// <summary>Rates as text: a line about the engine, and tables.</summary>
internal static class TopText
{
    /// <summary>Who the engine is and how it fares.</summary>
    public static string Header(EngineFigures now) => string.Join(", ",
    [
        $"engine {now.Pid}", $"revision {now.Revision}", $"up {Age(now.Age)}", $"{now.Connections} of {now.MaxConnections} connections", $"{now.Threads} {(now.Threads == 1 ? "loop" : "loops")}",
        $"{Bytes(now.ResidentBytes)} of memory",
        .. now.Restarts > 0 ? [$"{now.Restarts} restarts"] : Array.Empty<string>(),
        .. now.LogLinesDropped > 0 ? [$"{now.LogLinesDropped} log lines dropped"] : Array.Empty<string>(),
        .. now.Draining ? ["draining"] : Array.Empty<string>(),
    ]);

    /// <summary>The tables: headings, then rows.</summary>
    public static IEnumerable<(string[] Headings, IReadOnlyList<string[]> Rows)> Tables(TopRates rates, TopOrder order, int mostRoutes)
    {
        yield return (["LISTENER", "ADDRESS", "OPEN", .. Common], [.. TopRates.Sort(rates.Listeners, order).Select(r => (string[])[r.Name, r.Address, Number(r.Open), .. Cells(r)])]);
        var shown = TopRates.Sort(rates.Routes, order).Take(mostRoutes).ToList();
        var left = rates.Now.Routes - shown.Count;
        yield return ([left > 0 ? $"ROUTE (of {rates.Now.Routes})" : "ROUTE", .. Common], [.. shown.Select(r => (string[])[r.Name, .. Cells(r)])]);
        yield return (["ENDPOINT", "ADDRESS", "OPEN", .. Common], [.. TopRates.Sort(rates.Endpoints, order).Take(mostRoutes).Select(r => (string[])[r.Name, r.Address, Number(r.Open), .. Cells(r)])]);
    }

    /// <summary>Bytes with a unit.</summary>
    public static string Bytes(double bytes)
    {
        string[] units = ["B", "KB", "MB", "GB", "TB"];
        var unit = 0;
        for (; bytes >= 1_000 && unit < units.Length - 1; unit++) bytes /= 1_000;
        return $"{Number(bytes)} {units[unit]}";
    }

    private static string[] Common => ["REQ/S", "IN FLIGHT", "ERR/S", "IN/S", "OUT/S", "MEAN MS"];

    private static string[] Cells(TopRow row) => [Number(row.Requests), Number(row.InFlight), Number(row.Errors), Bytes(row.BytesIn), Bytes(row.BytesOut), row.MeanMilliseconds is { } mean ? Number(mean) : "-"];

    /// <summary>Three digits or so: what is small has a fraction.</summary>
    private static string Number(double number) => number.ToString(number is 0 or >= 100 || number == Math.Floor(number) ? "0" : "0.0", CultureInfo.InvariantCulture);

    private static string Age(double seconds)
    {
        var age = TimeSpan.FromSeconds(seconds);
        return age.TotalDays >= 1 ? $"{(int)age.TotalDays}d{age.Hours}h" : age.TotalHours >= 1 ? $"{(int)age.TotalHours}h{age.Minutes}m" : age.TotalMinutes >= 1 ? $"{age.Minutes}m{age.Seconds}s" : $"{age.Seconds}s";
    }
}
