using System.Text;

namespace Gatehouse.Store;

/// <summary>The limits of keys and values, the same in every store.</summary>
public static class StoreLimits
{
    /// <summary>Bytes of a key in UTF-8.</summary>
    public const int KeyBytes = 1024;

    /// <summary>Bytes of a value: what etcd takes in one request.</summary>
    public const int ValueBytes = 3 << 19;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Refuses what no store can hold.</summary>
    /// <exception cref="ArgumentException">Names the key, what is wrong and the limit.</exception>
    internal static void ThrowIfOutside(in StoreWrite write)
    {
        CheckKey(write.Key);
        if (write.Value is { Length: > ValueBytes } value)
        {
            throw new ArgumentException($"key '{write.Key}': the value has {value.Length} bytes; at most {ValueBytes} are stored", nameof(write));
        }

        if (write.ExpectedRevision is < 0)
        {
            throw new ArgumentException($"key '{write.Key}': expected revision {write.ExpectedRevision} is not valid: 0 or more", nameof(write));
        }
    }

    /// <summary>A copy that nobody else can change; null stays null.</summary>
    internal static ReadOnlyMemory<byte>? Copy(ReadOnlyMemory<byte>? value)
    {
        // Not as a conditional expression: its null would be an array, and become an empty value.
        if (value is not { } bytes) return null;
        return bytes.ToArray();
    }

    private static void CheckKey(string key)
    {
        if (string.IsNullOrEmpty(key)) throw new ArgumentException("the key is empty; it needs 1 to 1024 bytes", nameof(key));
        int bytes;
        try
        {
            bytes = StrictUtf8.GetByteCount(key);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException($"the key's character {e.Index} is a lone surrogate; keys are UTF-8", nameof(key), e);
        }

        if (bytes > KeyBytes)
        {
            throw new ArgumentException($"the key '{key.AsSpan(0, 64)}…' has {bytes} bytes; at most {KeyBytes} are stored", nameof(key));
        }

        if (key.Contains('\0', StringComparison.Ordinal)) throw new ArgumentException($"the key '{key.Replace('\0', '?')}' contains NUL", nameof(key));
    }
}
