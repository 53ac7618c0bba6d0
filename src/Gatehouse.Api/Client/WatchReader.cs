using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Gatehouse.Objects;

namespace Gatehouse.Api.Client;

/// <summary>Reads the events of one watch, a JSON object in each line. Lines are bounded, and so is the silence between them.</summary>
internal sealed class WatchReader<T>(HttpObjectClientOptions options, string what, Action<JsonException> unreadable, ServerContact contact)
    where T : ApiObject, IKind<T>
{
    private ExceptionDispatchInfo? _fault;

    /// <summary>Events until the server ends the watch in good order.</summary>
    /// <exception cref="ApiStatusException">The server sent a reason (410 when the revision is gone).</exception>
    /// <exception cref="ApiUnreachableException">Cut off, silent for too long, or no watch at all.</exception>
    public async IAsyncEnumerable<ObjectEvent<T>> ReadAsync(Stream body, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var idle = new CancellationTokenSource(options.WatchIdleTimeout, options.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, idle.Token);
        var pipe = PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: 16 << 10, leaveOpen: true));
        try
        {
            var events = new List<ObjectEvent<T>>();
            for (var ended = false; !ended;)
            {
                idle.CancelAfter(options.WatchIdleTimeout);
                ended = await ReadLinesAsync(pipe, events, both.Token, cancellation);
                idle.CancelAfter(Timeout.InfiniteTimeSpan);
                foreach (var e in events) yield return e;
                events.Clear();
                _fault?.Throw();
            }
        }
        finally
        {
            await pipe.CompleteAsync();
        }
    }

    /// <summary>Adds what one read brought; true at the end. A fault is kept for after the events that came before it.</summary>
    private async ValueTask<bool> ReadLinesAsync(PipeReader pipe, List<ObjectEvent<T>> events, CancellationToken limited, CancellationToken cancellation)
    {
        try
        {
            var result = await pipe.ReadAsync(limited);
            var rest = TakeLines(result.Buffer, events);
            pipe.AdvanceTo(rest.Start, rest.End);
            if (rest.Length > options.MaxWatchLineBytes) throw Fault("malformed", $"a line of more than {options.MaxWatchLineBytes} bytes", null);
            if (result.IsCompleted && !rest.IsEmpty && !IsBlank(rest)) throw Fault("cut", "ended in the middle of an event", null);
            return result.IsCompleted;
        }
        catch (Exception e)
        {
            _fault = ExceptionDispatchInfo.Capture(Translate(e, limited, cancellation));
            return true;
        }
    }

    private Exception Translate(Exception e, CancellationToken limited, CancellationToken cancellation)
    {
        if (e is JsonException) return Fault("malformed", $"a line that is no event: {e.Message}", e);
        if (!ApiTransport.IsNetworkFault(e, cancellation)) return e;
        contact.Lost();
        return limited.IsCancellationRequested
            ? Fault("idle", $"silent for {options.WatchIdleTimeout.TotalSeconds:0.###} s", e)
            : Fault("cut", e.Message, e);
    }

    private ReadOnlySequence<byte> TakeLines(ReadOnlySequence<byte> buffer, List<ObjectEvent<T>> events)
    {
        while (buffer.PositionOf((byte)'\n') is { } end)
        {
            var line = buffer.Slice(0, end);
            if (!IsBlank(line)) events.Add(Decode(line));
            buffer = buffer.Slice(buffer.GetPosition(1, end));
        }

        return buffer;
    }

    private ObjectEvent<T> Decode(ReadOnlySequence<byte> line)
    {
        if (line.IsSingleSegment) return ObjectCodec.DecodeEvent<T>(line.FirstSpan, unreadable);
        var length = checked((int)line.Length);
        var copy = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            line.CopyTo(copy);
            return ObjectCodec.DecodeEvent<T>(copy.AsSpan(0, length), unreadable);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }

    private static bool IsBlank(ReadOnlySequence<byte> line) => line.Length < 3 && line.ToArray().All(b => b is (byte)' ' or (byte)'\r' or (byte)'\t');

    private ApiUnreachableException Fault(string cause, string message, Exception? inner)
    {
        ClientMetrics.WatchFaults.Add(1, ClientMetrics.Kind(T.Info.Plural), ClientMetrics.Cause(cause));
        return new ApiUnreachableException($"watch of {what}: {message}", inner);
    }
}
