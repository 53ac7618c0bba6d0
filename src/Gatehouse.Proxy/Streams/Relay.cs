namespace Gatehouse.Proxy.Streams;

/// <summary>Passes bytes from one stream to another as they are.</summary>
internal static class Relay
{
    /// <summary>Passes what is there, as far as the other takes it; the end too, so that each direction ends by itself. Whether something moved.</summary>
    /// <param name="from">Read from.</param>
    /// <param name="to">Written to; while it keeps something, nothing is read.</param>
    /// <param name="scratch">What one read takes.</param>
    public static bool Pump(ByteStream from, ByteStream to, Span<byte> scratch)
    {
        if (!from.CanRead || to.HasPending || to.SendEnded || to.IsBroken) return false;
        var count = from.Receive(scratch[..Loops.Loop.ReadSize]);
        if (count > 0)
        {
            _ = to.Send(scratch[..count]);
            return true;
        }

        if (count < 0) return false; // Nothing now, or it broke, which is no end that may be passed on.
        to.EndSend();
        return true;
    }
}
