namespace Gatehouse.Wire.Http1;

/// <summary>What a read of a chunked body came to.</summary>
public enum ChunkStatus
{
    /// <summary>All bytes are consumed, and the body goes on.</summary>
    NeedMore = 0,

    /// <summary>The last chunk and the trailer section are read; what is behind <c>consumed</c> belongs to the next message.</summary>
    Done,

    /// <summary>The body breaks a rule; <see cref="ChunkReader.Fault"/> says which. The connection can't be used any further.</summary>
    Invalid,
}

/// <summary>Which rule a chunked body broke (RFC 9112 §7.1).</summary>
public enum ChunkFault
{
    None = 0,

    /// <summary>No hexadecimal digit where a size begins.</summary>
    SizeMissing,

    /// <summary>Something else than a digit, an extension or CR within or behind a size: <c>0x</c>, <c>_</c>, a space.</summary>
    SizeDigit,

    /// <summary>More than 32 digits.</summary>
    SizeTooLong,

    /// <summary>More than 2^63-1 bytes.</summary>
    SizeOverflow,

    /// <summary>An extension is not <c>;name</c>, <c>;name=token</c> or <c>;name="text"</c>.</summary>
    Extension,

    /// <summary>The extensions of one chunk are longer than <see cref="ChunkLimits.ExtensionBytes"/>.</summary>
    ExtensionTooLong,

    /// <summary>The extensions of all chunks are longer than <see cref="ChunkLimits.MessageExtensionBytes"/>.</summary>
    ExtensionsTooLong,

    /// <summary>A LF without CR.</summary>
    BareLineFeed,

    /// <summary>A CR without LF.</summary>
    BareCarriageReturn,

    /// <summary>A chunk's data is not followed by CRLF.</summary>
    DataEnd,

    /// <summary>A trailer's name is empty or no token.</summary>
    TrailerName,

    /// <summary>Whitespace between a trailer's name and its colon.</summary>
    TrailerSpaceBeforeColon,

    /// <summary>A trailer line that begins with whitespace (obs-fold).</summary>
    TrailerFolded,

    /// <summary>A control character in a trailer's value.</summary>
    TrailerValue,

    /// <summary>More trailers than <see cref="ChunkLimits.TrailerFields"/>.</summary>
    TrailerFields,

    /// <summary>Trailers longer than <see cref="ChunkLimits.TrailerBytes"/>.</summary>
    TrailerBytes,
}

/// <summary>Faults in words, for logs and labels.</summary>
public static class ChunkFaultText
{
    /// <summary>What was wrong; a constant text, nothing is allocated.</summary>
    public static string Text(this ChunkFault fault) => fault switch
    {
        ChunkFault.None => "none",
        ChunkFault.SizeMissing => "chunk size is missing",
        ChunkFault.SizeDigit => "chunk size has a character that is no hexadecimal digit",
        ChunkFault.SizeTooLong => "chunk size has too many digits",
        ChunkFault.SizeOverflow => "chunk size is too large",
        ChunkFault.Extension => "chunk extension is malformed",
        ChunkFault.ExtensionTooLong => "chunk extension is too long",
        ChunkFault.ExtensionsTooLong => "chunk extensions of the message are too long",
        ChunkFault.BareLineFeed => "line feed without carriage return in chunked body",
        ChunkFault.BareCarriageReturn => "carriage return without line feed in chunked body",
        ChunkFault.DataEnd => "chunk data is not followed by CRLF",
        ChunkFault.TrailerName => "trailer name is no token",
        ChunkFault.TrailerSpaceBeforeColon => "whitespace before the colon of a trailer",
        ChunkFault.TrailerFolded => "trailer line is folded",
        ChunkFault.TrailerValue => "trailer value has a control character",
        ChunkFault.TrailerFields => "too many trailers",
        ChunkFault.TrailerBytes => "trailers are too long",
        _ => "unknown",
    };
}

/// <summary>How much a chunked body may make its reader read beside data. Shared by all readers.</summary>
public sealed record ChunkLimits
{
    /// <summary>The limits that are used where none are given.</summary>
    public static ChunkLimits Default { get; } = new();

    /// <summary>Digits of a size, leading zeros included.</summary>
    public const int SizeDigits = 32;

    /// <summary>Bytes between a size and its line's end, for each chunk. 256 by default.</summary>
    public int ExtensionBytes { get; init; } = 256;

    /// <summary>The same, for all chunks of a message. 16 KB by default.</summary>
    public int MessageExtensionBytes { get; init; } = 16 * 1024;

    /// <summary>Field lines of the trailer section. 100 by default.</summary>
    public int TrailerFields { get; init; } = 100;

    /// <summary>Bytes of those lines, each with its CRLF. 8 KB by default.</summary>
    public int TrailerBytes { get; init; } = 8 * 1024;
}
