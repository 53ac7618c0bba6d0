using System.Globalization;

namespace Gatehouse.Lab;

/// <summary>What a lab without root needs of the machine, and only root can change.</summary>
public static class RootlessNeeds
{
    private const string Tun = "/dev/net/tun";
    private const string SendBuffer = "/proc/sys/net/core/wmem_default";

    // A worker's table goes to the kernel in one transaction, whose size the socket's buffer bounds; libnftables can raise that bound as root alone.
    private const long SendBufferBytes = 4 << 20;

    /// <summary>One line for each need that is not met, with its cure; empty when all are.</summary>
    public static IReadOnlyList<string> Unmet() => Unmet(CanOpen(Tun), ReadNumber(SendBuffer));

    internal static IReadOnlyList<string> Unmet(bool tun, long? sendBuffer)
    {
        List<string> unmet = [];
        if (!tun) unmet.Add($"{Tun} is for root alone, and no node starts without it: as root, chmod 0666 {Tun}");
        if (sendBuffer < SendBufferBytes) unmet.Add($"net.core.wmem_default is {sendBuffer}, too little for a node's table: as root, sysctl net.core.wmem_default={SendBufferBytes}");
        return unmet;
    }

    private static bool CanOpen(string path)
    {
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long? ReadNumber(string path)
    {
        try
        {
            return long.TryParse(File.ReadAllText(path), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var value) ? value : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
