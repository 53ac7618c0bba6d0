using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Gatehouse.Api.Server.Registry;

/// <summary>Where a list goes on: its revision and the last name of the page before, as opaque text (<c>base64url(REVISION:NAME)</c>).</summary>
internal static class ContinueToken
{
    public static string Create(long revision, string key, string prefix) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{revision}:{key.AsSpan(prefix.Length)}")));

    public static bool TryParse(string token, string prefix, out long revision, [NotNullWhen(true)] out string? key)
    {
        (revision, key) = (0, null);
        if (token.Length > 1024 || !Base64Url.IsValid(token)) return false;
        var text = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token));
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || !long.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out revision) || revision == 0) return false;
        key = prefix + text[(colon + 1)..];
        return true;
    }
}
