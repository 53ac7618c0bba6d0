using System.Diagnostics;
using System.Text;
using System.Threading.Channels;

namespace Gatehouse.TestKit;

/// <summary>A program that runs beside a test. Its lines can be waited for; it is killed with all its children at the end.</summary>
public sealed class RunningCommand : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _all = new();
    private readonly Lock _gate = new();
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly string _text;
    private int _ended;

    private RunningCommand(Process process, string text)
    {
        _process = process;
        _text = text;
    }

    /// <summary>The process's id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Everything that it wrote so far, both streams.</summary>
    public string Output
    {
        get
        {
            lock (_gate) return _all.ToString();
        }
    }

    /// <summary>Starts a program.</summary>
    public static RunningCommand Start(string program, IReadOnlyList<string> arguments, string? folder = null)
    {
        var process = new Process { StartInfo = ShellCommand.InfoOf(program, arguments, folder) };
        var running = new RunningCommand(process, $"{program} {string.Join(' ', arguments)}");
        process.OutputDataReceived += (_, e) => running.Take(e.Data);
        process.ErrorDataReceived += (_, e) => running.Take(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return running;
    }

    /// <summary>Waits for a line that contains a text and returns it; each line is seen once.</summary>
    public async Task<string> LineAsync(string containing)
    {
        using var patience = new CancellationTokenSource(Patience.Limit);
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(patience.Token))
            {
                if (line.Contains(containing, StringComparison.Ordinal)) return line;
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{_text} did not write '{containing}'; it wrote:\n{Output}");
        }

        throw new InvalidOperationException($"{_text} ended without '{containing}'; it wrote:\n{Output}");
    }

    /// <summary>Writes a line to its input.</summary>
    public Task WriteLineAsync(string line) => _process.StandardInput.WriteLineAsync(line);

    /// <summary>Waits for its end.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience.Limit);
        return _process.ExitCode;
    }

    /// <summary>Ends it at once (SIGKILL).</summary>
    public void Kill()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Kill();
        await ExitAsync();
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            // Each stream ends with a null.
            if (Interlocked.Increment(ref _ended) == 2) _lines.Writer.TryComplete();
            return;
        }

        lock (_gate) _all.AppendLine(line);
        _lines.Writer.TryWrite(line);
    }
}
