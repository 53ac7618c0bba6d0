namespace Gatehouse.Proxy.Access;

/// <summary>Why a session ended: the first two characters of HAProxy's termination state (its documentation, §8.5).</summary>
internal readonly record struct Termination(byte Cause, byte State)
{
    /// <summary>As it should.</summary>
    public static readonly Termination Normal = new((byte)'-', (byte)'-');

    /// <summary>The client ended it, or its time ran out: <c>C</c>, <c>c</c>.</summary>
    public static Termination Client(char state) => new((byte)'C', (byte)state);

    public static Termination ClientTimeout(char state) => new((byte)'c', (byte)state);

    /// <summary>The endpoint ended it, or its time ran out: <c>S</c>, <c>s</c>.</summary>
    public static Termination Server(char state) => new((byte)'S', (byte)state);

    public static Termination ServerTimeout(char state) => new((byte)'s', (byte)state);

    /// <summary>The proxy ended it: <c>P</c>; it answered itself: <c>L</c>; a bound was reached: <c>R</c>; its deadline came: <c>K</c>.</summary>
    public static Termination Proxy(char state) => new((byte)'P', (byte)state);

    public static Termination Local(char state) => new((byte)'L', (byte)state);

    public static Termination Resource(char state) => new((byte)'R', (byte)state);

    public static Termination Killed(char state) => new((byte)'K', (byte)state);
}
