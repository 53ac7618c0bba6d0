using System.CommandLine;
using System.Text.Json;
using Gatehouse.Output;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Supervision;
using Gatehouse.ProxyRun;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse top</c>: what a proxy does now.</summary>
internal static class TopCommand
{
    private const int StandardRows = 20;

    public static Command Create(HostContext host)
    {
        var control = new Option<string?>("--control") { Description = "The control socket of the proxy. Default: that of the only one of this user.", HelpName = "SOCKET" };
        var once = new Option<bool>("--once") { Description = "Print the rates of one interval, and end. So it does as well when its output is no terminal." };
        var interval = CommandParts.Duration("--interval", TimeSpan.FromSeconds(1), "How long rates are taken over.");
        var order = new Option<TopOrder>("--sort", "-s")
        {
            Description = $"Order by {Words}. Default requests.",
            HelpName = "ORDER",
            DefaultValueFactory = _ => TopOrder.Requests,
            CustomParser = static result =>
            {
                var text = result.Tokens[0].Value;
                if (Enum.TryParse<TopOrder>(text, ignoreCase: true, out var order) && !char.IsAsciiDigit(text[0])) return order;
                result.AddError($"--sort: '{text}' is not valid: one of {Words}");
                return default;
            },
        };
        var most = new Option<int>("--rows")
        {
            Description = $"Rows of routes and of endpoints. Default {StandardRows}.",
            HelpName = "COUNT",
            DefaultValueFactory = _ => StandardRows,
            CustomParser = static result =>
            {
                if (int.TryParse(result.Tokens[0].Value, out var count) && count is >= 1 and <= EngineFigures.MostRoutes) return count;
                result.AddError($"--rows: '{result.Tokens[0].Value}' is not valid: 1 to {EngineFigures.MostRoutes}");
                return default;
            },
        };
        var command = new Command("top", "Show what a proxy does now: listeners, the busiest routes, endpoints." + CommandParts.Examples + """
              gatehouse top
              gatehouse top --once --sort errors --interval 10s
            """) { control, once, interval, order, most };
        command.SetAction(async (parsed, cancellation) =>
        {
            var path = ControlSockets.Find(parsed.GetValue(control), host);
            EngineFigures Look() => ControlQuestions.Ask(path, new ControlRequest { Act = ControlAct.Figures }).Deserialize(EngineFiguresJson.Default.EngineFigures)!;
            var first = Look();
            if (host.Interactive && !parsed.GetValue(once)) await new TopScreen(host, Look, parsed.GetValue(most)).RunAsync(parsed.GetValue(order), parsed.GetValue(interval), cancellation);
            else
            {
                await Task.Delay(parsed.GetValue(interval), host.Time, cancellation);
                Write(host, TopRates.Between(first, Look()), parsed.GetValue(order), parsed.GetValue(most));
            }

            return ExitCode.Ok;
        });
        return command;
    }

    private static string Words => string.Join(", ", Enum.GetNames<TopOrder>().Select(n => n.ToLowerInvariant()));

    private static void Write(HostContext host, TopRates rates, TopOrder order, int most)
    {
        host.Out.WriteLine(TopText.Header(rates.Now));
        foreach (var (headings, rows) in TopText.Tables(rates, order, most))
        {
            host.Out.WriteLine();
            TextTable.Write(host, headings, rows);
        }
    }
}
