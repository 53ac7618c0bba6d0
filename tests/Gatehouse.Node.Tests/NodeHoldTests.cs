using System.Globalization;
using System.Net;
using Gatehouse.TestKit;

namespace Gatehouse.Node.Tests;

public sealed class NodeHoldTests : IDisposable
{
    private readonly TemporaryDirectory _first = new();
    private readonly TemporaryDirectory _second = new();

    private static string Me => Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    [Fact]
    public void Take_SecondNodeWithItsOwnState_IsToldWhoHasTheDevices()
    {
        using var hold = NodeHold.Take(Options(_first, "a"));
        var refused = Assert.Throws<IOException>(() => NodeHold.Take(Options(_second, "a", table: "b")));

        Assert.Equal($"another node runs on this host: process {Me} holds the devices {Prefix("a")}* of this host. Nothing was touched. End that one first; a host has one node", refused.Message);
    }

    [Fact]
    public void Take_SecondNodeWithTheSameTables_IsToldWhoHasThem()
    {
        using var hold = NodeHold.Take(Options(_first, "a"));
        Assert.Contains($"process {Me} holds the tables 'a{Me}'", Assert.Throws<IOException>(() => NodeHold.Take(Options(_second, "b", table: "a"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Take_SecondNodeOnTheSameState_IsToldWhoHasIt()
    {
        using var hold = NodeHold.Take(Options(_first, "a"));
        Assert.Contains($"process {Me} holds the state directory {_first.Path}.", Assert.Throws<IOException>(() => NodeHold.Take(Options(_first, "b"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Take_RefusedOrGivenUp_LeavesNothingHeld()
    {
        using (NodeHold.Take(Options(_first, "a")))
        {
            Assert.Throws<IOException>(() => NodeHold.Take(Options(_second, "b", table: "a")));
            using var other = NodeHold.Take(Options(_second, "b"));
        }

        using var again = NodeHold.Take(Options(_first, "a"));
    }

    /// <summary>More than any queue of connections holds.</summary>
    [Fact]
    public void Take_AsOftenAsItIsTried_SaysWhoItIs()
    {
        using var hold = NodeHold.Take(Options(_first, "a"));
        for (var i = 0; i < 1_000; i++) Assert.Contains($"process {Me} ", Assert.Throws<IOException>(() => NodeHold.Take(Options(_second, "a"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Take_WhereNoStateCanBe_SaysThatAndNotThatAnotherNodeRuns()
    {
        var refused = Assert.ThrowsAny<IOException>(() => NodeHold.Take(Options(_first, "a") with { StateDirectory = _first["missing"] }));
        Assert.DoesNotContain("another node", refused.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    private static string Prefix(string letter) => $"{letter}{Environment.ProcessId % 1_000_000}";

    private static NodeOptions Options(TemporaryDirectory state, string prefix, string? table = null) => new()
    {
        Name = "w1",
        Underlay = IPAddress.Parse("192.0.2.1"),
        StateDirectory = state.Path,
        DevicePrefix = Prefix(prefix),
        Table = (table ?? prefix) + Me,
    };
}
