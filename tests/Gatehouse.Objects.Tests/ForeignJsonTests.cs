using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Objects.Tests;

public sealed class ForeignJsonTests
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };

    [Theory]
    [InlineData("", "is no valid JSON: ")]
    [InlineData("{", "is no valid JSON: line 1, byte 2: ")]
    [InlineData("{\"a\":1,\n \"b\":}", "is no valid JSON: line 2, byte 6: '}' is an invalid start of a value")]
    [InlineData("[]", "must be a JSON object, not an array")]
    [InlineData("\"x\"", "must be a JSON object, not a string")]
    [InlineData("7", "must be a JSON object, not a number")]
    [InlineData("true", "must be a JSON object, not true or false")]
    [InlineData("null", "must be a JSON object, not null")]
    [InlineData("{\"a\":\"\xff\"}", "is no valid JSON: line 1, byte 7: 0xff is not valid UTF-8")]
    [InlineData("{\n\"a\":\"\xc3\"}", "is no valid JSON: line 2, byte 6: 0xc3 is not valid UTF-8")]
    [InlineData("{\"a\":\"\\ud800\"}", "is no valid JSON: line 1, byte 7: \\ud800 is half of a surrogate pair without its other half, which is no character")]
    [InlineData("{\"\\uDfFf\":1}", "is no valid JSON: line 1, byte 3: \\uDfFf is half")]
    [InlineData("{\"a\":\"\\ud800x\\udc00\"}", "is no valid JSON: line 1, byte 7: \\ud800 is half")]
    [InlineData("{\"a\":\"\\ud800\",\"b\":\"\\udc00\"}", "is no valid JSON: line 1, byte 7: \\ud800 is half")]
    public void TryReadObject_NoObject_SaysWhatAndWhere(string latin, string expected)
    {
        Assert.False(ForeignJson.TryReadObject(Encoding.Latin1.GetBytes(latin), Options, out var value, out var fault));
        Assert.Null(value);
        Assert.StartsWith(expected, fault, StringComparison.Ordinal);
        Assert.DoesNotContain("options", fault, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("LineNumber", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void TryReadRecord_AFieldOfTheWrongType_IsNamed()
    {
        Assert.False(ForeignJson.TryReadRecord("""{"metadata":{"name":7}}"""u8, ObjectsJson.Default.Worker, out _, out var fault));
        Assert.StartsWith("has not the expected form: metadata.name (line 1, byte 22) is of another type", fault, StringComparison.Ordinal);
    }

    /// <summary>Against the reader itself: what is let in can be read to its last text, and what can be read is let in.</summary>
    [Fact]
    public void Any_document_is_let_in_exactly_when_all_its_texts_can_be_read()
    {
        var bytes = Gen.Elements("\\ud83d", "\\ude00", "\\uD800", "\\u0041", "\\\\", "\\\"", "\\n", "u", "d800", "\xff", "\xc3\xa9", "a").ListOf().Select(p => Encoding.Latin1.GetBytes($"{{\"a\":\"{string.Concat(p)}\"}}"));
        Prop.ForAll(bytes.ToArbitrary(), document =>
        {
            var read = ForeignJson.TryReadDocument(document, Options, out var value, out var fault);
            value?.Dispose();
            Assert.Equal(read, fault is null);
            Assert.Equal(CanBeRead(document), read);
        }).QuickCheckThrowOnFailure();
    }

    private static bool CanBeRead(byte[] document)
    {
        try
        {
            using var json = JsonDocument.Parse(document);
            foreach (var member in json.RootElement.EnumerateObject()) _ = member.Value.GetString();
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
