using System.Globalization;

namespace Gatehouse.Addressing;

/// <summary>Why a wished number was refused.</summary>
public enum RefusalReason
{
    OutsideRange,
    Reserved,

    /// <summary>Somebody else has it.</summary>
    Taken,

    /// <summary>Somebody else had it a moment ago.</summary>
    Quarantined,

    /// <summary>The owner has another one, and keeps it for life.</summary>
    HasAnother,
}

/// <summary>How an allocation ended.</summary>
public abstract record AllocateOutcome
{
    private AllocateOutcome()
    {
    }

    /// <summary>The owner has it.</summary>
    /// <param name="Before">What was known of the number before; a lease when the owner had it already.</param>
    public sealed record Allocated(UInt128 Number, PoolEntry? Before) : AllocateOutcome;

    /// <summary>The wish can't be granted.</summary>
    /// <param name="Holder">Who has or had it; null when nobody.</param>
    /// <param name="Until">When the quarantine ends; null when none runs.</param>
    public sealed record Refused(RefusalReason Reason, string? Holder, DateTimeOffset? Until) : AllocateOutcome
    {
        /// <summary>For people: completes "10.30.0.5 ...".</summary>
        public string Explain(string range) => Reason switch
        {
            RefusalReason.OutsideRange => $"lies outside {range}",
            RefusalReason.Reserved => "is reserved and never handed out",
            RefusalReason.Taken => $"is taken by {Holder}",
            RefusalReason.Quarantined => $"was given back by {Holder} and stays in quarantine until {Moment(Until)}",
            _ => $"differs from the address that {Holder} has for life",
        };
    }

    /// <summary>Every number is somebody's or in quarantine.</summary>
    public sealed record Exhausted(string Pool, UInt128 Count, int Leased, int Quarantined, DateTimeOffset? NextEnd) : AllocateOutcome
    {
        /// <inheritdoc/>
        public override string ToString() => Quarantined == 0
            ? $"no {Pool} left: all {Count} are leased or reserved"
            : $"no {Pool} left: {Leased} of {Count} are leased and {Quarantined} in quarantine, the first until {Moment(NextEnd)}";
    }

    private static string Moment(DateTimeOffset? time) =>
        time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "an unknown time";
}
