namespace Gatehouse;

/// <summary>How a command ends. Part of the interface: scripts rely on the numbers (64, 69 and 70 are those of sysexits.h).</summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>It was tried and did not work.</summary>
    public const int Failed = 1;

    /// <summary>The API server refused; the message is its.</summary>
    public const int Refused = 2;

    /// <summary>The command line, a file or a setting is wrong; nothing was done.</summary>
    public const int Usage = 64;

    /// <summary>The server does not answer.</summary>
    public const int Unreachable = 69;

    /// <summary>A defect of Gatehouse.</summary>
    public const int Bug = 70;
}

/// <summary>The input is wrong: every fault, one line each.</summary>
internal sealed class UsageException(IReadOnlyList<string> faults) : Exception(string.Join('\n', faults))
{
    public UsageException(string fault)
        : this([fault])
    {
    }

    public IReadOnlyList<string> Faults { get; } = faults;
}

/// <summary>It was tried and did not work; the message says why.</summary>
internal sealed class CommandException(string message) : Exception(message);
