using System.Buffers;
using System.Text;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.Tests.Http1;

public sealed class HttpBytesTests
{
    public static TheoryData<string, string> Sets => new()
    {
        { "token", "[!#$%&'*+\\-.^_`|~0-9A-Za-z]" },
        { "value", "[\\t\\x20-\\x7E\\x80-\\xFF]" },
        { "target", "[A-Za-z0-9\\-._~:/?\\[\\]@!$&'()*+,;=%^`{|}]" },
        { "host", "[A-Za-z0-9\\-._~:\\[\\]]" },
    };

    /// <summary>Each byte, against the class of characters as the RFC's grammar writes it.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void A_set_holds_what_its_grammar_says(string name, string grammar)
    {
        var set = SetOf(name);
        for (var value = 0; value < 256; value++)
        {
            var character = Encoding.Latin1.GetString([(byte)value]);
            Assert.True(System.Text.RegularExpressions.Regex.IsMatch(character, $"^{grammar}\\z") == set.Contains((byte)value), $"0x{value:X2} in {name}");
        }
    }

    [Fact]
    public void The_questions_for_one_byte_agree_with_the_sets()
    {
        for (var value = 0; value < 256; value++)
        {
            var b = (byte)value;
            Assert.Equal(HttpBytes.TokenBytes.Contains(b), HttpBytes.IsToken(b));
            Assert.Equal(HttpBytes.FieldValueBytes.Contains(b), HttpBytes.IsFieldValue(b));
            Assert.Equal(HttpBytes.TokenBytes.Contains(b), HttpBytes.IsToken([(byte)'a', b]));
            Assert.Equal(HttpBytes.FieldValueBytes.Contains(b), HttpBytes.IsFieldValue([(byte)'a', b, (byte)' ']));
            Assert.Equal(char.IsAsciiHexDigit((char)b) ? Convert.ToInt32(((char)b).ToString(), 16) : -1, HttpBytes.HexValue(b));
        }

        Assert.False(HttpBytes.IsToken([]));
        Assert.True(HttpBytes.IsFieldValue([]));
    }

    private static SearchValues<byte> SetOf(string name) => name switch
    {
        "token" => HttpBytes.TokenBytes,
        "value" => HttpBytes.FieldValueBytes,
        "target" => HttpBytes.TargetBytes,
        _ => HttpBytes.HostBytes,
    };
}
