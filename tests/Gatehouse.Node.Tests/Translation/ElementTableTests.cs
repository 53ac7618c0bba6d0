using System.Net;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;

namespace Gatehouse.Node.Tests.Translation;

public sealed class ElementTableTests
{
    private static readonly NftSchema Schema = NftSchema.For(IpFamily.V4);

    /// <summary>Whatever owners do in whatever order: the changes, applied one after the other, give what the table says, and nothing is said twice.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Replace_RandomOwners_ChangesAddUpToTheTable(int seed)
    {
        var random = new Random(seed);
        var table = new ElementTable();
        var kernel = new Dictionary<ElementKey, ElementValue>();
        var owners = new Dictionary<string, Dictionary<ElementKey, ElementValue>>(StringComparer.Ordinal);
        for (var step = 0; step < 2_000; step++)
        {
            var owner = $"o{random.Next(6)}";
            NftElement[] wanted = [.. Enumerable.Range(0, random.Next(5)).Select(_ => One(random.Next(8), random.Next(3)))];
            foreach (var change in table.Replace(owner, wanted)) Apply(kernel, change);
            owners[owner] = wanted.GroupBy(e => e.Key).ToDictionary(g => g.Key, g => g.Last().Value);

            Assert.Equal(kernel.Count, table.Count);
            foreach (var (key, value) in kernel) Assert.Contains(owners.Values, o => o.TryGetValue(key, out var v) && v == value);
            foreach (var key in owners.Values.SelectMany(o => o.Keys)) Assert.True(kernel.ContainsKey(key));
        }

        foreach (var owner in owners.Keys)
        {
            foreach (var change in table.Replace(owner, [])) Apply(kernel, change);
        }

        Assert.Empty(kernel);
        Assert.Equal(0, table.Count);
        Assert.Empty(table.Owners);
    }

    [Fact]
    public void Replace_SameAgain_ChangesNothing()
    {
        var table = new ElementTable();
        Assert.Equal(2, table.Replace("a", [One(1, 1), One(2, 1)]).Count);
        Assert.Empty(table.Replace("a", [One(2, 1), One(1, 1)]));
    }

    [Fact]
    public void Replace_TheLastToAskWins_AndTheOneBeforeCountsAgain()
    {
        var table = new ElementTable();
        table.Replace("a", [One(1, 1)]);
        var taken = Assert.Single(table.Replace("b", [One(1, 2)]));
        Assert.Equal((One(1, 2).Value, One(1, 1).Value), (taken.Value, taken.Before));
        var back = Assert.Single(table.Replace("b", []));
        Assert.Equal((One(1, 1).Value, One(1, 2).Value), (back.Value, back.Before));
    }

    [Fact]
    public void Replace_AdditionsComeBeforeRemovals()
    {
        var table = new ElementTable();
        table.Replace("a", [One(1, 1)]);
        var changes = table.Replace("a", [One(2, 1)]);
        Assert.Equal([false, true], changes.Select(c => c.Value is null));
    }

    private static NftElement One(int key, int value) => NftElement.Map(Schema.One, [IPAddress.Parse($"10.18.0.{value}")], IPAddress.Parse($"10.30.0.{key}"));

    private static void Apply(Dictionary<ElementKey, ElementValue> kernel, TableChange change)
    {
        Assert.Equal(change.Before, kernel.GetValueOrDefault(change.Key));
        Assert.NotEqual(change.Before, change.Value);
        if (change.Value is null) kernel.Remove(change.Key);
        else kernel[change.Key] = change.Value;
    }
}
