using System.Globalization;
using System.Text;

namespace Gatehouse.Bench.Proxy.Load;

/// <summary>What is asked.</summary>
internal enum QuestionKind
{
    /// <summary>100 bytes.</summary>
    Small,

    /// <summary>1 MB.</summary>
    Large,

    /// <summary>4 KB are sent, one half of the requests with a length, the other in chunks.</summary>
    Post,
}

/// <summary>Requests as bytes, made beforehand: they go through hosts and prefixes in an order that looks random and is always the same.</summary>
internal static class Question
{
    private const int BodyBytes = 4096;
    private const int ChunkBytes = 1024;

    /// <param name="count">How many different ones.</param>
    /// <param name="hosts">Virtual hosts to choose from.</param>
    public static byte[][] Many(QuestionKind kind, int count, int hosts)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, count).Select(i => One(kind, random.Next(hosts), random.Next(ProxySetup.Groups), chunked: i % 2 == 1))];
    }

    public static byte[] One(QuestionKind kind, int host, int group, bool chunked) =>
        Encoding.ASCII.GetBytes(kind == QuestionKind.Post ? $"{Head("POST", "form", host, group)}{Body(chunked)}" : $"{Head("GET", kind == QuestionKind.Large ? "1m" : "item", host, group)}\r\n");

    /// <summary>One whose answer is what the backend got.</summary>
    public static byte[] Echo(int host, int group) => Encoding.ASCII.GetBytes($"{Head("GET", "echo", host, group)}\r\n");

    private static string Head(string method, string path, int host, int group) =>
        $"{method} {ProxySetup.Prefix(group)}/{path} HTTP/1.1\r\nHost: {ProxySetup.Host(host)}\r\nUser-Agent: bench\r\nAccept: */*\r\n";

    private static string Body(bool chunked)
    {
        var body = new string('b', BodyBytes);
        if (!chunked) return string.Create(CultureInfo.InvariantCulture, $"Content-Length: {BodyBytes}\r\n\r\n{body}");
        var chunks = body.Chunk(ChunkBytes).Select(chunk => string.Create(CultureInfo.InvariantCulture, $"{chunk.Length:x}\r\n{new string(chunk)}\r\n"));
        return $"Transfer-Encoding: chunked\r\n\r\n{string.Concat(chunks)}0\r\n\r\n";
    }
}
