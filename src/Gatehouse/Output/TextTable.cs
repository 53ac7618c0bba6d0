using Spectre.Console;

namespace Gatehouse.Output;

/// <summary>Aligned columns without lines. Nothing is cut or wrapped: a pipe has no width.</summary>
internal static class TextTable
{
    private const int Unbounded = 10_000;

    public static void Write(HostContext host, IEnumerable<string> headings, IEnumerable<IEnumerable<string>> rows)
    {
        var table = new Table().NoBorder().HideFooters();
        foreach (var heading in headings) table.AddColumn(new TableColumn(Markup.Escape(heading)) { NoWrap = true, Padding = new Padding(0, 0, 3, 0) });
        foreach (var row in rows) table.AddRow([.. row.Select(Cell)]);
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(text),
            Ansi = host.Interactive ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = host.Interactive && host.Variable("NO_COLOR") is null ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = Unbounded;
        console.Write(table);
        foreach (var line in text.ToString().Split('\n')) if (line.Length > 0) host.Out.WriteLine(line.TrimEnd());
    }

    /// <summary>What works is green, what does not is red; all else as it is.</summary>
    private static Text Cell(string text) => new(text, text switch
    {
        "Ready" or "Running" or "Active" or "Leased" or "Found" or "ok" or "running" => new Style(Color.Green),
        "Away" or "Dead" or "Refused" or "NoWorker" or "Unknown" or "fault" or "ended" => new Style(Color.Red),
        "Pending" or "Scheduled" or "Registered" or "Draining" or "warning" or "stopped" => new Style(Color.Yellow),
        _ => Style.Plain,
    });
}
