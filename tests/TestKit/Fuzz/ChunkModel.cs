using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Wire.Http1;

namespace Gatehouse.TestKit.Fuzz;

/// <summary>
/// A chunked body read a second way: the grammar of RFC 9112 §7.1 as expressions over the whole text. It only knows complete bodies;
/// what it does not take is either broken or not yet complete.
/// </summary>
internal static partial class ChunkModel
{
    /// <summary>The data, the trailers and the length of a complete body at the front of <paramref name="input"/>; null if there is none.</summary>
    public static (byte[] Data, string Trailers, int Length)? Read(byte[] input, ChunkLimits limits)
    {
        var text = Encoding.Latin1.GetString(input);
        var data = new List<byte>();
        var extensions = 0;
        for (var at = 0; ;)
        {
            if (SizeLine().Match(text, at) is not { Success: true } line || line.Groups[1].Length > ChunkLimits.SizeDigits)
            {
                return null;
            }

            extensions += line.Groups[2].Length;
            var size = BigInteger.Parse("0" + line.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (line.Groups[2].Length > limits.ExtensionBytes || extensions > limits.MessageExtensionBytes || size > long.MaxValue)
            {
                return null;
            }

            at += line.Length;
            if (size.IsZero)
            {
                return ReadTrailers(text, at, limits) is { } end ? ([.. data], end.Kept, end.Length) : null;
            }

            if (size > text.Length - at - 2 || text[at + (int)size] != '\r' || text[at + (int)size + 1] != '\n')
            {
                return null;
            }

            data.AddRange(input.AsSpan(at, (int)size));
            at += (int)size + 2;
        }
    }

    private static (string Kept, int Length)? ReadTrailers(string text, int at, ChunkLimits limits)
    {
        var start = at;
        var kept = new StringBuilder();
        for (var fields = 0; ; fields++)
        {
            if (text.AsSpan(at).StartsWith("\r\n", StringComparison.Ordinal))
            {
                return (kept.ToString(), at + 2);
            }

            if (TrailerLine().Match(text, at) is not { Success: true } line || fields == limits.TrailerFields
                || at + line.Length - start > limits.TrailerBytes)
            {
                return null;
            }

            if (!Forbidden().IsMatch(line.Groups[1].Value))
            {
                kept.Append(line.Value);
            }

            at += line.Length;
        }
    }

    [GeneratedRegex("""
        \G([0-9A-Fa-f]+)
        ((?: [ \t]* ; [ \t]* [!#$%&'*+.^_`|~0-9A-Za-z-]+
             (?: [ \t]* = [ \t]* (?: [!#$%&'*+.^_`|~0-9A-Za-z-]+ | "(?:[\t\x20\x21\x23-\x5B\x5D-\x7E\x80-\xFF]|\\[\t\x20-\x7E\x80-\xFF])*" ) )?
        )*)\r\n
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant, 5_000)]
    private static partial Regex SizeLine();

    [GeneratedRegex(@"\G([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t\x20-\x7E\x80-\xFF]*\r\n", RegexOptions.CultureInvariant, 5_000)]
    private static partial Regex TrailerLine();

    /// <summary>The names that the fuzzer uses, not the whole list: that one has a test of its own.</summary>
    [GeneratedRegex("^(content[-_].*|transfer[-_]encoding|host|if[-_].*|authorization|te|connection)$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, 5_000)]
    private static partial Regex Forbidden();
}
