using System.Threading.Channels;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;
using static Gatehouse.Api.Tests.Client.Samples;

namespace Gatehouse.Api.Tests.Client;

/// <summary>An informer, the server that a test scripts, and a clock that the test moves.</summary>
internal sealed class InformerRig : IAsyncDisposable
{
    public static readonly TimeSpan SaveDelay = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(20);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<IAsyncDisposable> _informers = [];
    private readonly List<Task> _tasks = [];
    private HttpObjectClient _client = null!;

    private InformerRig(ScriptedServer server) => Server = server;

    public ScriptedServer Server { get; }

    /// <summary>The informer's clock.</summary>
    public ManualTimeProvider Time { get; } = new();

    /// <summary>The client's clock; certificates are of today.</summary>
    public ManualTimeProvider ClientTime { get; } = new(DateTimeOffset.UtcNow);

    public TemporaryDirectory Folder { get; } = new();

    public string StateFile => Folder["mirror", "interests.json"];

    public Task Running { get; private set; } = Task.CompletedTask;

    public static async Task<InformerRig> StartAsync()
    {
        var rig = new InformerRig(await ScriptedServer.StartAsync());
        rig._client = rig.Server.Client(rig.ClientTime);
        return rig;
    }

    /// <summary>The answer to the next list.</summary>
    public void Lists(string json) => Server.Answer(200, json);

    public Informer<Interest> New(string? stateFile = null, HttpObjectClient? client = null)
    {
        var options = new InformerOptions { StateFile = stateFile, Time = Time, Random = new Random(7), SaveDelay = SaveDelay };
        var informer = new Informer<Interest>(client ?? _client, Selection.All, options);
        _informers.Add(informer);
        return informer;
    }

    public Informer<Interest> Run(string? stateFile = null, HttpObjectClient? client = null)
    {
        var informer = New(stateFile, client);
        Running = informer.RunAsync(_stop.Token);
        return informer;
    }

    /// <summary>Waits until the informer pauses between two attempts, and says for how long.</summary>
    public async Task<TimeSpan> PauseArmedAsync()
    {
        await Time.TimerArmedAsync(IsPause, "a pause");
        return Time.Armed.First(IsPause);
    }

    /// <summary>The same, and lets the pause pass.</summary>
    public async Task<TimeSpan> PauseOverAsync()
    {
        var pause = await PauseArmedAsync();
        Time.Advance(pause);
        return pause;
    }

    /// <summary>Reads every change of an informer.</summary>
    public ChangeLog Read(IInformer<Interest> informer)
    {
        var log = new ChangeLog();
        _tasks.Add(log.FillAsync(informer.ChangesAsync(_stop.Token)));
        return log;
    }

    public static IReadOnlyList<string> Text(IReadOnlyDictionary<ObjectKey, Interest> snapshot) =>
        [.. snapshot.Values.Select(i => $"{i.Metadata.Name}@{i.Metadata.ResourceVersion}").Order(StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        foreach (var informer in _informers) await informer.DisposeAsync();
        await Task.WhenAll(_tasks).WaitAsync(Patience.Limit);
        _client.Dispose();
        await Server.DisposeAsync();
        Folder.Dispose();
    }

    /// <summary>A pause is random, so no whole second, or what Retry-After said; writes of the state come after whole seconds.</summary>
    private static bool IsPause(TimeSpan left) => left.Ticks % TimeSpan.TicksPerSecond != 0 || left == RetryAfter;
}

/// <summary>What a reader heard, as text.</summary>
internal sealed class ChangeLog
{
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

    public async Task FillAsync(IAsyncEnumerable<ObjectEvent<Interest>> changes)
    {
        try
        {
            await foreach (var change in changes) _lines.Writer.TryWrite(Samples.Text([change]));
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    public async Task<IReadOnlyList<string>> TakeAsync(int count)
    {
        using var patience = new CancellationTokenSource(Patience.Limit);
        var lines = new List<string>();
        while (lines.Count < count) lines.Add(await _lines.Reader.ReadAsync(patience.Token));
        return lines;
    }

    public async Task UntilAsync(string line)
    {
        using var patience = new CancellationTokenSource(Patience.Limit);
        while (await _lines.Reader.ReadAsync(patience.Token) != line)
        {
        }
    }
}
