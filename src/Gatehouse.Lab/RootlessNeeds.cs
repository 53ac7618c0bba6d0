namespace Gatehouse.Lab;

/// <summary>What a lab without root needs of the machine, and only root can change.</summary>
public static class RootlessNeeds
{
    private const string Tun = "/dev/net/tun";

    /// <summary>One line for each need that is not met, with its cure; empty when all are.</summary>
    public static IReadOnlyList<string> Unmet() => Unmet(Tun);

    internal static IReadOnlyList<string> Unmet(string tun) =>
        CanOpen(tun) ? [] : [$"{tun} is for root alone, and no node starts without it: as root, chmod 0666 {tun}"];

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
}
