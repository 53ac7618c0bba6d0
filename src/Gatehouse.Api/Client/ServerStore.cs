namespace Gatehouse.Api.Client;

/// <summary>
/// Remembers, on disk, which store the server above has, so that a server that was started empty is not believed: to a member that mirrors it, everything would seem to be
/// deleted. While another store answers, the server counts as unreachable, and what is known stays in force.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
/// <param name="path">A file of one line. Who removes it, with the member stopped, makes it follow the store that answers next.</param>
public sealed class ServerStore(string path)
{
    /// <summary>The header of every answer that names the server's store.</summary>
    public const string Header = "Gatehouse-Store";

    private readonly Lock _gate = new();
    private string? _known = File.Exists(path) ? File.ReadAllText(path).Trim() : null;

    /// <summary>The store that an answer names; null when it names none.</summary>
    internal static string? Of(HttpResponseMessage response) => response.Headers.TryGetValues(Header, out var values) ? values.First() : null;

    /// <summary>Null when the answer comes from the store that is known; otherwise what is wrong and what helps. The first store that answers becomes the known one.</summary>
    public string? Refuse(string answering)
    {
        // A copy that was put back is the same store.
        answering = answering.Split('.')[0];
        lock (_gate)
        {
            if (string.IsNullOrEmpty(_known))
            {
                AtomicFile.Replace(path, stream => stream.Write(System.Text.Encoding.ASCII.GetBytes(answering + "\n")));
                _known = answering;
            }

            return answering == _known ? null
                : $"its store is {answering}, but what is known here came from {_known}: the server was started empty, or is another one. Nothing here is changed. Restore its "
                    + $"store; or, to follow this one, which deletes here all that it does not declare, stop this member, remove {path} and start again";
        }
    }
}
