namespace Gatehouse.Linux.Nftables;

/// <summary>libnftables refused a script; nothing of it was applied.</summary>
public sealed class NftException : LinuxException
{
    /// <param name="message">What libnftables said, with its line and column.</param>
    public NftException(string message)
        : base(message)
    {
    }

    public NftException()
        : this("libnftables refused the script")
    {
    }

    public NftException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
