using Gatehouse.Linux.Sockets;

namespace Gatehouse.Proxy.Streams;

/// <summary>
/// One direction between two streams. Little is copied, for that takes two calls and no pipe; once a read is full, bytes are moved through a pipe until they come in small pieces again.
/// What the other side does not take stays in the pipe or in the stream's own buffer, and nothing is read meanwhile.
/// </summary>
internal sealed class RelayLane
{
    /// <summary>Less than that at once is small.</summary>
    private const int SmallMove = 16 * 1024;

    /// <summary>So many small pieces in a row, and they are copied.</summary>
    private const int SmallMovesInRow = 4;

    /// <summary>Woken so often while the other side takes nothing, and the source is left in peace: that costs two calls, which a short stall is not worth.</summary>
    private const int StallsBeforePause = 2;

    private ByteStream _from = null!;
    private ByteStream _to = null!;
    private Pipe? _pipe;
    private bool _canMove;
    private bool _moves;
    private int _smallMoves;
    private int _stalls;
    private bool _isPaused;

    /// <summary>The end was read, and is passed on after what came before it.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Its source broke: what came before that was passed on as far as it was taken.</summary>
    public bool IsCut { get; private set; }

    /// <summary>All was passed on, with the end.</summary>
    public bool IsDone => HasEnded && _to.SendEnded;

    /// <summary>The other side does not take what is here.</summary>
    public bool IsStuck => _to.HasPending || _pipe is { Bytes: > 0 };

    /// <summary>Begins, with streams that are open.</summary>
    public void Begin(ByteStream from, ByteStream to)
    {
        (_from, _to) = (from, to);
        _canMove = from.Tls is null && to.Tls is null;
        _moves = HasEnded = IsCut = _isPaused = false;
        _stalls = 0;
    }

    /// <summary>Passes on what is there, with a bound. Whether there may be more to do now.</summary>
    public bool Pump()
    {
        if (_pipe is { Bytes: > 0 } && !_to.MoveFrom(_pipe)) return false;
        if (HasEnded || IsCut || !_from.CanRead || _to.HasPending || _to.IsBroken) return false;
        return _moves ? Move() : Copy();
    }

    /// <summary>After each turn: an empty pipe is for others, and who sends into a stall does not wake the loop.</summary>
    public void Rest()
    {
        if (_pipe is { Bytes: 0 }) ReturnPipe();
        if (IsStuck)
        {
            if (_isPaused || HasEnded || ++_stalls < StallsBeforePause) return;
            _isPaused = true;
            _from.PauseReads();
            return;
        }

        _stalls = 0;
        if (!_isPaused) return;
        _isPaused = false;
        _from.ResumeReads();
    }

    /// <summary>Gives up; what is not passed on is lost.</summary>
    public void End()
    {
        if (_pipe is not null) ReturnPipe();
    }

    private bool Copy()
    {
        var scratch = _from.Loop.Input.AsSpan(0, Loops.Loop.ReadSize);
        var count = _from.Receive(scratch);
        if (count <= 0) return Stop(count);
        _moves = _canMove && count == scratch.Length;
        _smallMoves = 0;
        _ = _to.Send(scratch[..count]);
        return true;
    }

    private bool Move()
    {
        _pipe ??= _from.Loop.Pipes.Rent();
        if (_pipe is null) return Copy();
        var count = _from.MoveInto(_pipe);
        if (count <= 0) return Stop(count);
        if (count >= SmallMove) _smallMoves = 0;
        else if (++_smallMoves >= SmallMovesInRow) _moves = false;
        return _to.MoveFrom(_pipe);
    }

    private bool Stop(int count)
    {
        if (count == SocketCalls.EAgain) return false;
        if (count < 0 || _from.IsBroken)
        {
            IsCut = true;
            return false;
        }

        HasEnded = true;
        _to.EndSend();
        return true;
    }

    private void ReturnPipe()
    {
        _from.Loop.Pipes.Return(_pipe!);
        _pipe = null;
    }
}
