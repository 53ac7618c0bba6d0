using Gatehouse.Proxy.Access;

namespace Gatehouse.Proxy.Http1;

/// <summary>What happens when nothing happens.</summary>
internal sealed partial class HttpSession
{
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
                ClientStalled();
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
        if (_client.HasPending) ClientStalled();
        else if (!_upstreamReady) ConnectFailed(-(int)Linux.Errno.ETIMEDOUT);
        else if (_responseBegun) CutOff(RefusalReasons.Of(Refusal.ResponseIdle), Termination.ServerTimeout('D'));
        else if (_request.IsDone || _requestLost || _upstream!.Stream.HasPending) Refuse(504, Refusal.ResponseTimeout, Termination.ServerTimeout('H'));
        else BodyTimedOut();
    }

    private void BodyTimedOut()
    {
        var idle = _model.IdleMilliseconds;
        if (idle > 0 && loop.Loop.Now - _bodyByteAt >= idle) Refuse(408, Refusal.BodyTimeout, Termination.ClientTimeout('H'));
        else if (IsBodyTooSlow()) Refuse(408, Refusal.BodyTooSlow, Termination.ClientTimeout('H'));
        else SetPhaseDeadline(NextBodyWait());
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
