namespace Gatehouse;

/// <summary>What the commands take from their surroundings. The only place where the environment, the streams and the clock come in.</summary>
internal sealed record HostContext
{
    public required TimeProvider Time { get; init; }

    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    public required TextReader In { get; init; }

    /// <summary>An environment variable; null when it is not set.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>Whether a person watches: colours and moving progress.</summary>
    public required bool Interactive { get; init; }

    /// <summary>Writes a line of progress to standard error, which scripts may ignore.</summary>
    public void Progress(string text) => Error.WriteLine(text);
}
