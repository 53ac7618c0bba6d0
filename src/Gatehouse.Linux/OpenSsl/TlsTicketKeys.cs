namespace Gatehouse.Linux.OpenSsl;

/// <summary>
/// The keys that session tickets are encrypted with (RFC 5077 §4): 80 bytes each, 16 of a name, 32 for HMAC-SHA-256, 32 for AES-256-CBC. The first encrypts, all decrypt.
/// Several contexts may share them, and they are replaced while sessions run. Safe for several threads.
/// </summary>
public sealed class TlsTicketKeys
{
    /// <summary>Bytes of one key.</summary>
    public const int KeyBytes = 80;

    /// <summary>More at a time are refused: each ticket is compared with all names.</summary>
    public const int MaxKeys = 16;

    internal const int NameBytes = 16;
    internal const int MacOffset = 16;
    internal const int CipherOffset = 48;

    private volatile byte[] _keys;

    /// <param name="keys">1 to <see cref="MaxKeys"/> keys, one after the other.</param>
    /// <exception cref="ArgumentException">Another number of bytes.</exception>
    public TlsTicketKeys(ReadOnlySpan<byte> keys) => _keys = Copy(keys);

    /// <summary>The keys of this moment; never changed, only replaced.</summary>
    internal byte[] Current => _keys;

    /// <summary>From now on these.</summary>
    /// <inheritdoc cref="TlsTicketKeys(ReadOnlySpan{byte})"/>
    public void Replace(ReadOnlySpan<byte> keys) => _keys = Copy(keys);

    private static byte[] Copy(ReadOnlySpan<byte> keys) => keys.Length is > 0 and <= MaxKeys * KeyBytes && keys.Length % KeyBytes == 0
        ? keys.ToArray()
        : throw new ArgumentException($"ticket keys are 1 to {MaxKeys} of {KeyBytes} bytes each, not {keys.Length} bytes", nameof(keys));
}
