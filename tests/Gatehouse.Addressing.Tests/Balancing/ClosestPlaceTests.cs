using Gatehouse.Addressing.Balancing;

namespace Gatehouse.Addressing.Tests.Balancing;

public sealed class ClosestPlaceTests
{
    [Theory]
    [InlineData(null, "a=500,b=900", "a")] // the nearest, at first
    [InlineData("b", "a=500,b=900", "a")] // clearly nearer: a change
    [InlineData("b", "a=800,b=900", "b")] // within a fifth: stays
    [InlineData("b", "a=50,b=240", "b")] // within the margin: stays, whatever the share
    [InlineData("b", "a=100,b=400", "a")]
    [InlineData("b", "a=500,b=", "a")] // the holder does not answer
    [InlineData("b", "a=,b=", "b")] // nobody does
    [InlineData("c", "a=500,b=900", "a")] // the holder has no instance any more
    [InlineData(null, "a=,b=", null)]
    [InlineData(null, "", null)]
    public void Choose_KeepsTheHolderUnlessSomebodyIsClearlyNearer(string? holder, string places, string? chosen) =>
        Assert.Equal(chosen, ClosestPlace.Choose(holder, [.. places.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Parse)]));

    private static PlaceDistance Parse(string text)
    {
        var parts = text.Split('=');
        return new(parts[0], parts[1].Length == 0 ? null : TimeSpan.FromMicroseconds(int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)));
    }
}
