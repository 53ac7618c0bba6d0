namespace Gatehouse.Linux.Nftables;

/// <summary>The families of nftables tables (NFPROTO_…).</summary>
public enum NftFamily
{
    /// <summary>No family; never a table's.</summary>
    None = 0,

    /// <summary><c>inet</c>: IPv4 and IPv6.</summary>
    Inet = 1,

    /// <summary><c>ip</c>.</summary>
    Ip = 2,

    /// <summary><c>arp</c>.</summary>
    Arp = 3,

    /// <summary><c>netdev</c>.</summary>
    Netdev = 5,

    /// <summary><c>bridge</c>.</summary>
    Bridge = 7,

    /// <summary><c>ip6</c>.</summary>
    Ip6 = 10,
}

/// <summary>What to do with an element.</summary>
public enum ElementAction
{
    /// <summary>Adds it. The same one there already is no failure; one with other data is EEXIST or EBUSY.</summary>
    Add,

    /// <summary>Adds it and fails with EEXIST if the key is there.</summary>
    Create,

    /// <summary>Adds it, or gives the key new data: delete and add in the same transaction, so that no packet misses it.</summary>
    Replace,

    /// <summary>Deletes it; ENOENT if it is not there.</summary>
    Delete,

    /// <summary>Deletes it if it is there.</summary>
    Remove,
}

/// <summary>NFT_SET_ELEM_…</summary>
[Flags]
public enum ElementFlags
{
    None = 0,

    /// <summary>In sets of intervals: the first value that is not in the interval any more.</summary>
    IntervalEnd = 1,

    /// <summary>Stands for every key that is not there; it has no key itself.</summary>
    CatchAll = 2,
}

/// <summary>What a key maps to: nothing (a set), bytes or a verdict.</summary>
public readonly record struct ElementData
{
    private const int CodeJump = -3;
    private const int CodeGoto = -4;

    private ElementData(ReadOnlyMemory<byte> value) => Value = value;

    private ElementData(int verdict, string? chain = null)
    {
        Verdict = verdict;
        Chain = chain;
    }

    /// <summary>Nothing: for elements of sets.</summary>
    public static ElementData None => default;

    public static ElementData Drop { get; } = new(verdict: 0);

    public static ElementData Accept { get; } = new(verdict: 1);

    /// <summary>The bytes as they lie in a register, see <see cref="NftValue"/>; empty for a verdict.</summary>
    public ReadOnlyMemory<byte> Value { get; }

    /// <summary>The verdict's number (0 drop, 1 accept, -3 jump, -4 goto), or null if there is none.</summary>
    public int? Verdict { get; }

    /// <summary>Where a verdict leads, else null.</summary>
    public string? Chain { get; }

    public static ElementData Bytes(ReadOnlyMemory<byte> value) => new(value);

    /// <summary>Goes on in the chain and does not come back; the chain has to be there when the element is added.</summary>
    public static ElementData Goto(string chain) => new(CodeGoto, chain);

    /// <summary>Goes on in the chain and comes back.</summary>
    public static ElementData Jump(string chain) => new(CodeJump, chain);

    public static implicit operator ElementData(byte[] value) => new(value.AsMemory());

    internal static ElementData Of(int verdict, string? chain) => new(verdict, chain);

    /// <summary>Same verdict, chain and bytes.</summary>
    public bool Equals(ElementData other)
        => Verdict == other.Verdict && string.Equals(Chain, other.Chain, StringComparison.Ordinal) && Value.Span.SequenceEqual(other.Value.Span);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(Verdict);
        hash.Add(Chain, StringComparer.Ordinal);
        hash.AddBytes(Value.Span);
        return hash.ToHashCode();
    }
}

/// <summary>One change of one element.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Set">Name of the set or map, in the table of the <see cref="NftElements"/>.</param>
/// <param name="Key">The key's bytes, see <see cref="NftValue"/>; in a concatenation each part is padded to four bytes.</param>
/// <param name="Data">What the key maps to; not looked at when deleting.</param>
/// <param name="Timeout">After which the kernel deletes it; only for sets with <c>flags timeout</c>. Null: the set's own.</param>
/// <param name="Flags">See <see cref="ElementFlags"/>.</param>
public readonly record struct ElementChange(
    ElementAction Action,
    string Set,
    ReadOnlyMemory<byte> Key,
    ElementData Data = default,
    TimeSpan? Timeout = null,
    ElementFlags Flags = ElementFlags.None)
{
    public override string ToString() => $"{Action.ToString().ToLowerInvariant()} {Convert.ToHexStringLower(Key.Span)} in {Set}";
}

/// <summary>An element as the kernel has it.</summary>
/// <param name="Key">The key's bytes.</param>
/// <param name="Data">What it maps to.</param>
/// <param name="Flags">See <see cref="ElementFlags"/>.</param>
/// <param name="Expires">How long it still lives; null: until it is deleted.</param>
public sealed record Element(ReadOnlyMemory<byte> Key, ElementData Data, ElementFlags Flags, TimeSpan? Expires);

/// <summary>A change that the kernel refused.</summary>
/// <param name="Index">Which one of the changes, from 0; -1: the transaction as a whole.</param>
/// <param name="Change">The change, in words.</param>
/// <param name="Errno">Why: ENOENT no such table, set or element; EEXIST or EBUSY there with other data; EINVAL a key or data of
/// a wrong length; ENFILE the set is full.</param>
/// <param name="Detail">The kernel's words, or null.</param>
public sealed record ElementFailure(int Index, string Change, Errno Errno, string? Detail)
{
    public override string ToString() => LinuxException.Describe(Change, (int)Errno, Detail);
}

/// <summary>What became of changes of elements.</summary>
/// <param name="Applied">How many changes hold now; less than asked for only if one of several transactions failed.</param>
/// <param name="Failures">Every change that was refused; of its transaction none was applied.</param>
public sealed record ElementOutcome(int Applied, IReadOnlyList<ElementFailure> Failures)
{
    public bool Succeeded => Failures.Count == 0;

    /// <exception cref="LinuxException">Names the first five failures.</exception>
    public void ThrowIfFailed()
    {
        if (!Succeeded)
        {
            var more = Failures.Count > 5 ? $"; and {Failures.Count - 5} more" : "";
            throw new LinuxException("changing nftables elements", Failures[0].Errno, string.Join("; ", Failures.Take(5)) + more);
        }
    }
}
