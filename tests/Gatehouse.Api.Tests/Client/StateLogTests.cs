using System.Collections.Immutable;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;
using static Gatehouse.Api.Tests.Client.Samples;

namespace Gatehouse.Api.Tests.Client;

/// <summary>What changed since a state file was written: there after a restart as far as it can be trusted, and never further.</summary>
public sealed class StateLogTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Now = Start.AddDays(1);

    private readonly TemporaryDirectory _folder = new();
    private readonly StateFile<Interest> _file;
    private InformerState<Interest> _state = new(ImmutableDictionary<ObjectKey, Interest>.Empty, "1", Start);

    public StateLogTests()
    {
        _file = new(Path, Selection.All);
        for (var i = 0; i < 5; i++) Put($"i{i}");
        _file.Write(_state);
        _file.Confirm(Start);
    }

    private string Path => _folder["mirror", "interests.json"];

    private string Log => StateLog<Interest>.PathOf(Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_appended_is_read()
    {
        Append(Put("i1"), Put("new"));
        Append(Drop("i2"));
        Append(Put("i2"), Drop("i3"), Put("umlaut", "\u00e4 \n \"quoted\""));
        AssertRead(_state);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Log));
    }

    [Fact]
    public void A_log_that_was_cut_anywhere_gives_a_state_that_once_was()
    {
        var states = ThreeChanges();
        var whole = File.ReadAllBytes(Log);
        for (var length = whole.Length - 1; length >= 0; length--)
        {
            File.WriteAllBytes(Log, whole[..length]);
            var load = Read();
            Assert.Null(load.Refusal);
            Assert.Contains(Text(load.State!), states);
        }
    }

    [Fact]
    public void A_log_in_which_any_byte_was_flipped_counts_up_to_there_and_is_told_of()
    {
        var states = ThreeChanges();
        var whole = File.ReadAllBytes(Log);
        var header = Array.IndexOf(whole, (byte)'\n');
        for (var at = 0; at < whole.Length; at++)
        {
            var flipped = (byte[])whole.Clone();
            flipped[at] ^= 0x10;
            File.WriteAllBytes(Log, flipped);
            var load = Read();
            Assert.Contains(Text(load.State!), states[..^1]);
            // A log whose first line names another file is that file's; a last line without end is one that was cut.
            if (at > header && at < whole.Length - 1) Assert.Contains("its checksum does not fit", load.Refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Lines_that_were_taken_out_or_swapped_do_not_count()
    {
        var before = _state;
        Append(Put("a"));
        Append(Put("b"));
        var lines = File.ReadAllLines(Log);
        File.WriteAllText(Log, $"{lines[0]}\n{lines[2]}\n{lines[1]}\n");
        Assert.Equal(Text(before), Text(Read().State!));
        File.WriteAllText(Log, $"{lines[0]}\n{lines[2]}\n");
        Assert.Equal(Text(before), Text(Read().State!));
    }

    [Fact]
    public void The_log_of_a_former_file_does_not_count()
    {
        Append(Put("late"));
        var former = File.ReadAllBytes(Log);
        Append(Drop("late"));
        _file.Write(_state);
        Assert.False(File.Exists(Log));
        // As after a kill between the two steps.
        File.WriteAllBytes(Log, former);
        AssertRead(_state);
    }

    [Fact]
    public void A_log_that_somebody_wrote_to_is_not_written_on()
    {
        Append(Put("a"));
        File.AppendAllText(Log, "more");
        Put("b");
        Assert.Throws<IOException>(() => _file.Append(_state, [new ObjectKey(null, "b")]));
        _file.Write(_state);
        AssertRead(_state);
    }

    [Fact]
    public void The_latest_confirmation_counts()
    {
        _state = _state with { ConfirmedAt = Start.AddHours(2) };
        Append(Put("a"));
        Assert.Equal(Start.AddHours(2), Read().State!.ConfirmedAt);
        _file.Confirm(Start.AddHours(3));
        Assert.Equal(Start.AddHours(3), Read().State!.ConfirmedAt);
    }

    private ObjectKey Put(string name, string query = "10.30.0.1")
    {
        var revision = int.Parse(_state.Revision, System.Globalization.CultureInfo.InvariantCulture) + 1;
        _state = _state with { Objects = _state.Objects.SetItem(name, Interest(name, revision, query: query)), Revision = $"{revision}" };
        return name;
    }

    private ObjectKey Drop(string name)
    {
        _state = _state with { Objects = _state.Objects.Remove(name) };
        return name;
    }

    /// <returns>The state before, and after each of three appends.</returns>
    private List<string> ThreeChanges()
    {
        var states = new List<string> { Text(_state) };
        for (var i = 0; i < 3; i++)
        {
            Append(Put($"i{i}"));
            states.Add(Text(_state));
        }

        return states;
    }

    private void Append(params ObjectKey[] changed) => _file.Append(_state, changed);

    private StateLoad<Interest> Read() => new StateFile<Interest>(Path, Selection.All).Read(Now);

    private void AssertRead(InformerState<Interest> expected)
    {
        var load = Read();
        Assert.Null(load.Refusal);
        Assert.Equal(Text(expected), Text(load.State!));
        Assert.Equal(expected.Revision, load.State!.Revision);
    }

    private static string Text(InformerState<Interest> state) => string.Join('\n', state.Objects.OrderBy(o => o.Key.Name, StringComparer.Ordinal).Select(o => Json(o.Value)));
}
