using System.Text.Json.Nodes;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects.Tests;

public sealed class MetadataRulesTests
{
    [Theory]
    [InlineData("""{"name":"w1"}""", "")]
    [InlineData("""{"name":"a.b-c.d1"}""", "")]
    [InlineData("{}", "metadata.name")]
    [InlineData("""{"name":""}""", "metadata.name")]
    [InlineData("""{"name":7}""", "metadata.name")]
    [InlineData("""{"name":"A"}""", "metadata.name")]
    [InlineData("""{"name":"a_b"}""", "metadata.name")]
    [InlineData("""{"name":"-a"}""", "metadata.name")]
    [InlineData("""{"name":"a."}""", "metadata.name")]
    [InlineData("""{"name":"a..b"}""", "metadata.name")]
    [InlineData("""{"name":"a/b"}""", "metadata.name")]
    [InlineData("""{"name":"w","namespace":"x"}""", "metadata.namespace")]
    [InlineData("""{"name":"w","namespace":""}""", "")]
    [InlineData("""{"name":"w","uid":1,"generateName":[]}""", "metadata.uid,metadata.generateName")]
    [InlineData("""{"name":"w","creationTimestamp":"soon"}""", "metadata.creationTimestamp")]
    [InlineData("""{"name":"w","creationTimestamp":"2026-01-01T00:00:00Z"}""", "")]
    [InlineData("""{"name":"w","labels":{"a":"b","example.com/x":"","c":"D_1.x-y"}}""", "")]
    [InlineData("""{"name":"w","labels":{"a b":"c","d":"e f","g":7}}""", "metadata.labels,metadata.labels[d],metadata.labels[g]")]
    [InlineData("""{"name":"w","labels":[]}""", "metadata.labels")]
    [InlineData("""{"name":"w","annotations":{"a":"any text, of course!","/b":"c"}}""", "metadata.annotations")]
    [InlineData("""{"name":"w","finalizers":["example.com/x"]}""", "")]
    [InlineData("""{"name":"w","finalizers":"x"}""", "metadata.finalizers")]
    [InlineData("""{"name":"w","finalizers":["a b",1]}""", "metadata.finalizers[0],metadata.finalizers[1]")]
    [InlineData("""{"name":"w","ownerReferences":[{"apiVersion":"v1","kind":"K","name":"n","uid":"u","controller":true}]}""", "")]
    [InlineData("""{"name":"w","ownerReferences":[{"apiVersion":"v1","kind":"K","name":"n","controller":1},7]}""", "metadata.ownerReferences[0].uid,metadata.ownerReferences[0].controller,metadata.ownerReferences[1]")]
    [InlineData("""{"name":"w","ownerReferences":{}}""", "metadata.ownerReferences")]
    [InlineData("""{"name":"w","ownerReferences":[{"apiVersion":"v1","kind":"K","name":"a","uid":"u","controller":true},{"apiVersion":"v1","kind":"K","name":"b","uid":"v","controller":true}]}""", "metadata.ownerReferences")]
    public void Faults_are_found_where_they_are(string metadata, string fields) =>
        Assert.Equal(fields, string.Join(',', MetadataRules.Check(JsonNode.Parse(metadata)!.AsObject(), Worker.Info).Select(f => f.Field)));

    [Theory]
    [InlineData("""{"name":"w","namespace":"gatehouse-workers"}""", "")]
    [InlineData("""{"name":"w"}""", "metadata.namespace")]
    [InlineData("""{"name":"w","namespace":"a.b"}""", "metadata.namespace")]
    public void Namespaced_kinds_need_a_namespace(string metadata, string fields) =>
        Assert.Equal(fields, string.Join(',', MetadataRules.Check(JsonNode.Parse(metadata)!.AsObject(), Lease.Info).Select(f => f.Field)));

    [Fact]
    public void Lengths_are_bounded()
    {
        Assert.True(Names.IsSubdomain(new string('a', 253)));
        Assert.False(Names.IsSubdomain(new string('a', 254)));
        Assert.True(Names.IsLabel(new string('a', 63)));
        Assert.False(Names.IsLabel(new string('a', 64)));
        Assert.False(Names.IsLabel("a.b"));
        Assert.True(Names.IsLabelValue(new string('A', 63)));
        Assert.False(Names.IsLabelValue(new string('A', 64)));
        Assert.False(Names.IsQualified("/a"));
        Assert.False(Names.IsQualified("a/"));
        Assert.False(Names.IsQualified(""));
        Assert.False(Names.IsLabel("é"));
        var metadata = new JsonObject { ["name"] = "w", ["annotations"] = new JsonObject { ["a"] = new string('x', MetadataRules.AnnotationLimit) } };
        Assert.Equal("metadata.annotations", Assert.Single(MetadataRules.Check(metadata, Worker.Info)).Field);
    }
}
