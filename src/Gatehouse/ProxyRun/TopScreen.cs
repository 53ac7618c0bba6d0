using Gatehouse.Proxy.Access;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Gatehouse.ProxyRun;

/// <summary>The tables on a terminal, renewed until a person ends it.</summary>
/// <param name="host">The surroundings.</param>
/// <param name="look">Asks the engine.</param>
/// <param name="mostRoutes">Rows of a table.</param>
internal sealed class TopScreen(HostContext host, Func<EngineFigures> look, int mostRoutes)
{
    private static readonly TimeSpan KeyPace = TimeSpan.FromMilliseconds(100);

    private static readonly (char Key, TopOrder Order, string Word)[] Keys =
        [('r', TopOrder.Requests, "requests"), ('f', TopOrder.InFlight, "in flight"), ('e', TopOrder.Errors, "errors"), ('b', TopOrder.Bytes, "bytes"), ('t', TopOrder.Time, "time"), ('n', TopOrder.Name, "name")];

    private TopOrder _order;
    private EngineFigures? _last;
    private TopRates? _rates;
    private string? _problem;

    /// <summary>Shows until q or Ctrl-C.</summary>
    public async Task RunAsync(TopOrder order, TimeSpan interval, CancellationToken cancellation)
    {
        _order = order;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(host.Out), ColorSystem = host.Variable("NO_COLOR") is null ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors });
        await console.Live(new Text("")).Overflow(VerticalOverflow.Crop).StartAsync(async screen =>
        {
            using var pace = new PeriodicTimer(KeyPace, host.Time);
            var looked = host.Time.GetTimestamp();
            Look();
            do
            {
                if (!TakeKeys()) return;
                if (host.Time.GetElapsedTime(looked) >= interval)
                {
                    looked = host.Time.GetTimestamp();
                    Look();
                }

                screen.UpdateTarget(Render());
            }
            while (await pace.WaitForNextTickAsync(cancellation));
        });
    }

    private void Look()
    {
        try
        {
            var now = look();
            if (_last is { } last) _rates = TopRates.Between(last, now);
            (_last, _problem) = (now, null);
        }
        catch (CommandException e)
        {
            _problem = e.Message; // It may come back: its parent starts another.
        }
    }

    /// <summary>False: it is to end.</summary>
    private bool TakeKeys()
    {
        while (!Console.IsInputRedirected && Console.KeyAvailable)
        {
            var key = Console.ReadKey(intercept: true).KeyChar;
            if (key is 'q' or 'Q') return false;
            if (Array.Find(Keys, k => k.Key == char.ToLowerInvariant(key)) is { Word: not null } found) _order = found.Order;
        }

        return true;
    }

    private Rows Render()
    {
        List<IRenderable> parts = [new Text(_problem ?? (_last is { } now ? TopText.Header(now) : "")), new Text($"q ends; order by {string.Join(", ", Keys.Select(k => $"{k.Key} {k.Word}{(k.Order == _order ? "*" : "")}"))}", new Style(Color.Grey))];
        if (_rates is null) return new Rows(parts);
        foreach (var (headings, rows) in TopText.Tables(_rates, _order, mostRoutes))
        {
            var table = new Table().NoBorder().HideFooters();
            for (var i = 0; i < headings.Length; i++)
            {
                var column = new TableColumn(new Text(headings[i], new Style(decoration: Decoration.Bold))) { NoWrap = true, Padding = new Padding(0, 0, 3, 0) };
                table.AddColumn(headings[i] is "ADDRESS" || i == 0 ? column : column.RightAligned());
            }

            foreach (var row in rows) table.AddRow([.. row.Select(c => new Text(c))]);
            parts.Add(new Text(""));
            parts.Add(table);
        }

        return new Rows(parts);
    }
}
