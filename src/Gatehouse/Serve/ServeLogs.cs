using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Gatehouse.Serve;

/// <summary>Structured logs on standard error: one line each, JSON for machines or text for people.</summary>
internal static class ServeLogs
{
    public static ILoggerFactory Create(string form) => LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(LogLevel.Information);

        // Kestrel tells of each connection that a client cut; what concerns us, our own code logs.
        builder.AddFilter("Microsoft", LogLevel.Warning);
        builder.AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.UseUtcTimestamp = true;
            o.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        builder.AddJsonConsole(o =>
        {
            o.UseUtcTimestamp = true;
            o.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });

        // Last: each of the two formatters makes itself the chosen one.
        builder.AddConsole(o =>
        {
            o.LogToStandardErrorThreshold = LogLevel.Trace;
            o.FormatterName = form == "json" ? ConsoleFormatterNames.Json : ConsoleFormatterNames.Simple;
        });
    });
}
