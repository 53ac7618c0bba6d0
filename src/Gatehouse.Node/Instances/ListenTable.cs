using System.Globalization;

namespace Gatehouse.Node.Instances;

/// <summary>Which TCP ports are listened on in a process's network namespace, as <c>/proc/PID/net/tcp</c> and <c>tcp6</c> tell (proc(5)).</summary>
internal static class ListenTable
{
    private const string Listening = "0A";

    /// <summary>Whether somebody listens on a port there, on any address.</summary>
    public static bool Has(int pid, int port) => Has(Lines(pid, "tcp").Concat(Lines(pid, "tcp6")), port);

    /// <summary>A line is <c>sl local_address rem_address st …</c>, an address <c>HEX:PORT</c>; the first line is the heading.</summary>
    internal static bool Has(IEnumerable<string> lines, int port)
    {
        foreach (var line in lines)
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 4 || fields[3] != Listening) continue;
            var colon = fields[1].LastIndexOf(':');
            if (colon > 0 && int.TryParse(fields[1].AsSpan(colon + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var found) && found == port) return true;
        }

        return false;
    }

    private static string[] Lines(int pid, string table)
    {
        try
        {
            return File.ReadAllLines($"/proc/{pid}/net/{table}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // It ended in between: the next look sees that.
        }
    }
}
