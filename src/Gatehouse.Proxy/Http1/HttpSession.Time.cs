using Gatehouse.Proxy.Access;

namespace Gatehouse.Proxy.Http1;

/// <summary>What happens when nothing happens.</summary>
internal sealed partial class HttpSession
{
    private long _takenBefore;

    /// <inheritdoc/>
    public override void OnTimeout()
    {
        switch (_phase)
        {
            case Phase.Head:
                HeadTimedOut();
                break;
            case Phase.Exchange:
                ExchangeTimedOut();
                break;
            case Phase.Flush:
                FlushTimedOut();
                break;
            case Phase.Tunnel:
                loop.Counters.AddReason(_reason = RefusalReasons.Of(Refusal.TunnelIdle));
                _termination = Termination.ServerTimeout('D');
                Record();
                Close();
                break;
            case Phase.Linger:
                Close();
                break;
        }

        if (_phase is Phase.Exchange or Phase.Flush) Advance();
    }

    private void HeadTimedOut()
    {
        if (_end == _start)
        {
            Close(); // It never said anything, or nothing further: there is nothing to answer.
            return;
        }

        RefuseHead(408, RefusalReasons.Of(Refusal.HeaderTimeout), Termination.ClientTimeout('R'));
    }

    private void ExchangeTimedOut()
    {
        if (_client.HasPending || _mover.IsStuck) FlushTimedOut();
        else if (!_upstreamReady) ConnectFailed(-(int)Linux.Errno.ETIMEDOUT);
        else if (ExchangeDeadline() is var deadline && deadline > loop.Loop.Now) _phaseDeadline = deadline;
        else if (_responseBegun) CutOff(RefusalReasons.Of(Refusal.ResponseIdle), Termination.ServerTimeout('D'));
        else if (IsUpstreamDue()) Refuse(504, Refusal.ResponseTimeout, Termination.ServerTimeout('H'));
        else BodyTimedOut();
    }

    private void BodyTimedOut()
    {
        var idle = _model.IdleMilliseconds;
        if (idle > 0 && loop.Loop.Now - _bodyByteAt >= idle) Refuse(408, Refusal.BodyTimeout, Termination.ClientTimeout('H'));
        else if (IsBodyTooSlow()) Refuse(408, Refusal.BodyTooSlow, Termination.ClientTimeout('H'));
        else SetPhaseDeadline(NextBodyWait());
    }

    /// <summary>When too much time has passed since the last byte, for whose turn it is. It is moved on when a time-out finds that somebody else kept it from its turn.</summary>
    private long ExchangeDeadline()
    {
        if (_responseBegun) return After(_activeAt, _group!.IdleMilliseconds);
        return IsUpstreamDue() ? After(_activeAt, _group!.ResponseMilliseconds) : After(_bodyByteAt, NextBodyWait());
    }

    private static long After(long since, long milliseconds) => milliseconds > 0 ? since + milliseconds : long.MaxValue;

    /// <summary>The upstream has all that it can get: the whole request, or more of it than it takes.</summary>
    private bool IsUpstreamDue() => _request.IsDone || _requestLost || _awaitsContinue || _upstream!.Stream.HasPending;

    /// <summary>The client has to take what is sent.</summary>
    private void AwaitClient()
    {
        _takenBefore = _client.BytesOut;
        SetPhaseDeadline(_model.IdleMilliseconds);
    }

    /// <summary>It may be slow, but not stand still.</summary>
    private void FlushTimedOut()
    {
        if (_client.BytesOut > _takenBefore) AwaitClient();
        else ClientStalled();
    }

    private void ClientStalled()
    {
        loop.Counters.AddReason(_reason = RefusalReasons.Of(Refusal.ClientStalled));
        _termination = Termination.ClientTimeout('D');
        Record();
        Close(reset: true);
    }

    private void SetDeadline()
    {
        if (_phase == Phase.Closed) return;
        if (_phaseDeadline == long.MaxValue) loop.Loop.Timers.Cancel(this);
        else loop.Loop.Timers.Set(this, _phaseDeadline);
    }
}
