namespace Gatehouse.Proxy.Tls;

/// <summary>Something of TLS that cannot be served as it is configured. The thing is left out; all else is served.</summary>
/// <param name="Kind">certificate, listener or upstream.</param>
/// <param name="Name">Which one.</param>
/// <param name="Message">What is wrong, with the field, and what would be right.</param>
internal sealed record TlsSetupFault(string Kind, string Name, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Kind} '{Name}': {Message}";
}
