using System.Globalization;

namespace Gatehouse.Bench.Proxy;

/// <summary>What a proxy speaks.</summary>
internal enum Spoken
{
    Http,
    Https,
    Tcp,
}

/// <summary>What all contenders of a part are told to do, each in its own words.</summary>
internal sealed record ProxySetup
{
    /// <summary>Groups of upstreams, and prefixes of each host: prefix <c>/p2</c> leads to the third group.</summary>
    public const int Groups = 5;

    /// <summary>Seconds that nobody closes an idle connection in: no part lasts as long.</summary>
    public const int KeepSeconds = 600;

    /// <summary>Client connections at a time that all allow.</summary>
    public const int Connections = 12_000;

    /// <summary>A name for files.</summary>
    public required string Name { get; init; }

    /// <summary>Where files of this part are.</summary>
    public required string Folder { get; init; }

    public Spoken Spoken { get; init; }

    /// <summary>Virtual hosts, each with <see cref="Groups"/> prefixes.</summary>
    public int Hosts { get; init; } = 3_000;

    /// <summary>Whether a line is written about each request.</summary>
    public bool Log { get; init; }

    /// <summary>Ports of the backend, one for each group; for TCP the first alone.</summary>
    public required IReadOnlyList<int> Backends { get; init; }

    /// <summary>For HTTPS.</summary>
    public TestCertificate? Certificate { get; init; }

    public static string Host(int number) => string.Create(CultureInfo.InvariantCulture, $"service-{number:0000}.shop.example.com");

    public static string Prefix(int group) => string.Create(CultureInfo.InvariantCulture, $"/p{group}");

    /// <summary>A file of this part.</summary>
    public string File(string peer, string name) => Path.Combine(Folder, $"{Name}-{peer}-{name}");

    /// <summary>Writes a file of this part; its path.</summary>
    public string Write(string peer, string name, string text)
    {
        var path = File(peer, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }
}
