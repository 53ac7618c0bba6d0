namespace Gatehouse.Proxy.Listeners;

/// <summary>What a client's connection belongs to at the moment. Its loop knows all of them.</summary>
internal interface IClientSession
{
    /// <summary>Where the connection came in.</summary>
    ListenerState Listener { get; }

    /// <summary>The engine drains or the listener is gone: a client that asks nothing is not waited for.</summary>
    void Drain();

    /// <summary>The deadline of a drain came: closes now, and records why.</summary>
    void CutOff();
}
