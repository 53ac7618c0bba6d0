namespace Gatehouse.Root.Gateways;

/// <summary>Names of gateway hosts: one DNS label (RFC 1123), since other names are made from them.</summary>
internal static class GatewayName
{
    /// <summary>Characters of a label.</summary>
    public const int MaxLength = 63;

    /// <summary>Whether a name can stand as it is.</summary>
    public static bool IsValid(string name) =>
        name.Length is > 0 and <= MaxLength && name.All(IsAllowed) && name[0] != '-' && name[^1] != '-';

    /// <summary>The nearest valid name; empty when nothing is left of it.</summary>
    public static string Normalise(string name)
    {
        var parts = new string([.. name.ToLowerInvariant().Select(c => IsAllowed(c) ? c : '-')]).Split('-', StringSplitOptions.RemoveEmptyEntries);
        var joined = string.Join('-', parts);
        return joined.Length <= MaxLength ? joined : joined[..MaxLength].TrimEnd('-');
    }

    private static bool IsAllowed(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-';
}
