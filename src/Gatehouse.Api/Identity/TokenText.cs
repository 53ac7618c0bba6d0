using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Api.Identity;

/// <summary>
/// A join token as text: <c>gh1.ID.SECRET.PIN</c>. The pin is the SHA-256 of the issuing authority's SubjectPublicKeyInfo, which makes the first contact
/// safe: a server whose chain lacks that key never sees the secret.
/// </summary>
/// <param name="Id">Name of the JoinToken object: 10 lower-case letters and digits.</param>
/// <param name="Secret">64 hexadecimal digits; the server keeps their hash alone.</param>
/// <param name="Pin">64 hexadecimal digits.</param>
public sealed record TokenText(string Id, string Secret, string Pin)
{
    private const string Version = "gh1";
    private const int IdLength = 10;
    private const int HashDigits = 64;

    /// <summary>What the server keeps in place of the secret.</summary>
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Secret)));

    /// <summary>A new token for an authority.</summary>
    public static TokenText Generate(string pin) =>
        new(RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", IdLength), RandomNumberGenerator.GetHexString(HashDigits, lowercase: true), pin);

    /// <summary>Reads a token; false when it has not the form.</summary>
    public static bool TryParse(string? text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TokenText? token)
    {
        token = null;
        var parts = text?.Trim().Split('.') ?? [];
        if (parts is not [Version, var id, var secret, var pin]) return false;
        if (id.Length != IdLength || !id.All(char.IsAsciiLetterOrDigit) || id.Any(char.IsAsciiLetterUpper)) return false;
        if (!IsHash(secret) || !IsHash(pin)) return false;
        token = new TokenText(id, secret, pin);
        return true;
    }

    /// <summary>Whether the secret has this hash; takes the same time for every secret.</summary>
    public bool Matches(string hash) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Hash), Encoding.ASCII.GetBytes(hash));

    /// <summary>The whole token, secret included: show it once, log it never.</summary>
    public override string ToString() => $"{Version}.{Id}.{Secret}.{Pin}";

    private static bool IsHash(string text) => text.Length == HashDigits && text.All(char.IsAsciiHexDigitLower);
}
