using Gatehouse.TestKit.Fuzz;

namespace Gatehouse.Wire.Tests.Fuzz;

/// <summary>
/// A few thousand inputs for each reader; the same runs take any number of them elsewhere. A difference says the seed that shows it: run
/// it alone with a count of 1.
/// </summary>
public sealed class FuzzTests
{
    private const int Seed = 20_260_311;
    private const int Count = 20_000;

    [Fact]
    public void Heads_read_the_same_however_they_are_split() => Assert.Empty(HeadFuzz.Run(Seed, Count));

    [Fact]
    public void Chunked_bodies_read_the_same_however_they_are_split() => Assert.Empty(ChunkFuzz.Run(Seed, Count));

    [Fact]
    public void PROXY_headers_read_the_same_however_they_are_split() => Assert.Empty(ProxyHeaderFuzz.Run(Seed, Count));

    [Fact]
    public void TLS_hellos_read_the_same_however_they_are_split() => Assert.Empty(ClientHelloFuzz.Run(Seed, Count));
}
