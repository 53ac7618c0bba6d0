using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Objects.Tests;

public sealed class MergePatchTests
{
    /// <summary>RFC 7396, appendix A.</summary>
    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", "{}")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""["a","b"]""", """["c","d"]""", """["c","d"]""")]
    [InlineData("""{"a":"b"}""", """["c"]""", """["c"]""")]
    [InlineData("""{"a":"foo"}""", "null", "null")]
    [InlineData("""{"a":"foo"}""", "\"bar\"", "\"bar\"")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("[1,2]", """{"a":"b","c":null}""", """{"a":"b"}""")]
    [InlineData("{}", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    public void The_examples_of_the_rfc_hold(string target, string patch, string expected)
    {
        var result = MergePatch.Apply(JsonNode.Parse(target), JsonNode.Parse(patch));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), result), result?.ToJsonString() ?? "null");
    }

    [Fact]
    public void A_patch_is_left_as_it_is_and_can_be_applied_again()
    {
        Prop.ForAll(Trees(3).Two().ToArbitrary(), pair =>
        {
            var patch = pair.Item2!.DeepClone();
            var once = MergePatch.Apply(pair.Item1!.DeepClone(), patch);
            var twice = MergePatch.Apply(once!.DeepClone(), patch);
            return JsonNode.DeepEquals(patch, pair.Item2) && JsonNode.DeepEquals(once, twice);
        }).QuickCheckThrowOnFailure();
    }

    private static Gen<JsonNode> Trees(int depth)
    {
        return Objects(depth).Select(t => JsonNode.Parse(t)!);

        static Gen<string> Objects(int left) =>
            Gen.Elements("a", "b", "c").Two().SelectMany(names => Value(left).Two().Select(values => names.Item1 == names.Item2
                ? $$"""{"{{names.Item1}}":{{values.Item1}}}"""
                : $$"""{"{{names.Item1}}":{{values.Item1}},"{{names.Item2}}":{{values.Item2}}}"""));

        static Gen<string> Value(int left) => left == 0
            ? Gen.Elements("1", "\"x\"", "true", "null", "[1,{\"a\":null}]")
            : Gen.OneOf(Gen.Elements("1", "\"x\"", "null"), Objects(left - 1));
    }
}
