using System.Collections.Concurrent;
using System.Text;

namespace Gatehouse.TestKit.Fuzz;

/// <summary>Runs one comparison over many inputs. Each input has a seed of its own, so that a difference can be replayed alone.</summary>
internal static class FuzzRun
{
    private const int MostDifferences = 10;

    /// <summary>What a mutation likes to put somewhere: delimiters, digits, and bytes at the edges of classes.</summary>
    private static readonly byte[] Interesting = [.. "\r\n \t;:=\"\\,./0123456789abfgFGxX+-_%"u8, 0, 1, 0x0B, 0x0C, 0x1F, 0x7F, 0x80, 0x85, 0xA0, 0xFF];

    /// <summary>An input takes microseconds. One that takes this long never ends.</summary>
    private static readonly TimeSpan Endless = TimeSpan.FromSeconds(20);

    /// <summary>Runs <paramref name="compare"/> for inputs seed, seed+1, ... and collects what it says is wrong; also exceptions, and an input without end.</summary>
    public static IReadOnlyList<string> Run(int seed, int count, Func<Random, string?> compare)
    {
        var differences = new ConcurrentQueue<string>();
        var at = 0;
        var worker = new Thread(() =>
        {
            for (; at < count && differences.Count < MostDifferences; Interlocked.Increment(ref at))
            {
                if (Try(unchecked(seed + at), compare) is { } difference)
                {
                    differences.Enqueue($"seed {unchecked(seed + at)}: {difference}");
                }
            }
        })
        { IsBackground = true };
        worker.Start();
        for (var before = -1; !worker.Join(Endless);)
        {
            var now = Volatile.Read(ref at);
            if (now == before)
            {
                return [.. differences, $"seed {unchecked(seed + now)}: no end after {Endless.TotalSeconds} seconds"];
            }

            before = now;
        }

        return [.. differences];
    }

    private static string? Try(int seed, Func<Random, string?> compare)
    {
        try
        {
            return compare(new Random(seed));
        }
        catch (Exception exception)
        {
            return exception.ToString();
        }
    }

    /// <summary>One to three small changes, any of which may cancel another.</summary>
    public static byte[] Mutate(Random random, byte[] input)
    {
        var bytes = new List<byte>(input);
        for (var left = random.Next(1, 4); left > 0; left--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(7))
            {
                case 0 when at < bytes.Count:
                    bytes[at] = Byte(random);
                    break;
                case 1:
                    bytes.Insert(at, Byte(random));
                    break;
                case 2 when at < bytes.Count:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 4), bytes.Count - at));
                    break;
                case 3 when at < bytes.Count:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 9), bytes.Count - at)));
                    break;
                case 4 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 5 when at < bytes.Count:
                    bytes[at] = (byte)(bytes[at] + (random.Next(2) == 0 ? 1 : -1));
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>Bytes without any plan.</summary>
    public static byte[] Noise(Random random, int most)
    {
        var bytes = new byte[random.Next(most)];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = Byte(random);
        }

        return bytes;
    }

    public static byte Byte(Random random) => random.Next(3) == 0 ? (byte)random.Next(256) : Interesting[random.Next(Interesting.Length)];

    /// <summary>Bytes as a person reads them, and as they can be pasted into a test.</summary>
    public static string Show(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length + 2).Append('"');
        foreach (var b in bytes)
        {
            _ = b switch
            {
                (byte)'\r' => text.Append("\\r"),
                (byte)'\n' => text.Append("\\n"),
                (byte)'"' or (byte)'\\' => text.Append('\\').Append((char)b),
                >= 0x20 and < 0x7F => text.Append((char)b),
                _ => text.Append("\\u00").Append(b.ToString("X2")),
            };
        }

        return text.Append('"').ToString();
    }
}
