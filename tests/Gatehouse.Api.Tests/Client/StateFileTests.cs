using System.Collections.Immutable;
using System.Text;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;
using static Gatehouse.Api.Tests.Client.Samples;

namespace Gatehouse.Api.Tests.Client;

public sealed class StateFileTests : IDisposable
{
    private static readonly DateTimeOffset Confirmed = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Now = Confirmed.AddHours(1);

    private readonly TemporaryDirectory _folder = new();
    private readonly Selection _selection = new(Fields: "spec.holder=w1");

    private string Path => _folder["mirror", "interests.json"];

    private StateFile<Interest> File_ => new(Path, _selection);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(500)]
    public void What_was_written_is_read(int count)
    {
        Write(count);
        var load = File_.Read(Now);
        Assert.Null(load.Refusal);
        Assert.Equal(State(count).Objects.OrderBy(o => o.Key.Name).Select(o => Json(o.Value)), load.State!.Objects.OrderBy(o => o.Key.Name).Select(o => Json(o.Value)));
        Assert.Equal("77", load.State.Revision);
        Assert.Equal(Confirmed, load.State.ConfirmedAt);
    }

    [Fact]
    public void No_file_is_no_state_and_no_fault()
    {
        var load = File_.Read(Now);
        Assert.Null(load.State);
        Assert.Null(load.Refusal);
    }

    [Fact]
    public void Only_the_owner_can_read_it()
    {
        Write(1);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Fact]
    public void A_file_that_was_cut_anywhere_is_refused_and_kept_aside()
    {
        Write(3);
        var whole = File.ReadAllBytes(Path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(Path, whole[..length]);
            AssertRefused("is not trusted");
            Assert.Equal(whole[..length], File.ReadAllBytes(File_.RefusedPath));
        }
    }

    [Fact]
    public void A_file_in_which_any_byte_was_flipped_is_refused()
    {
        Write(3);
        var whole = File.ReadAllBytes(Path);
        for (var at = 0; at < whole.Length; at++)
        {
            var flipped = (byte[])whole.Clone();
            flipped[at] ^= 0x10;
            File.WriteAllBytes(Path, flipped);
            AssertRefused("is not trusted");
        }
    }

    [Fact]
    public void A_file_with_something_behind_it_is_refused()
    {
        Write(2);
        File.AppendAllText(Path, "{}\n");
        AssertRefused("is not trusted");
    }

    [Fact]
    public void A_state_of_another_selection_is_refused_with_the_reason()
    {
        new StateFile<Interest>(Path, new Selection(Fields: "spec.holder=w2")).Write(State(1));
        AssertRefused("another selection");
    }

    [Fact]
    public void A_state_of_another_kind_is_refused_with_the_reason()
    {
        new StateFile<Peer>(Path, _selection).Write(InformerState<Peer>.Empty);
        AssertRefused("it holds gatehouse.dev/v1 Peer");
    }

    [Fact]
    public void A_state_of_a_later_format_is_refused_with_the_reason()
    {
        new StateFile<Interest>(Path, _selection, format: 2).Write(State(1));
        AssertRefused("format is 2");
    }

    [Fact]
    public void A_kill_between_write_and_rename_leaves_the_former_state()
    {
        Write(2);
        var next = AtomicFile.TemporaryOf(Path);
        File.WriteAllText(next, "{\"format\":1,\"kind\":\"Inter");
        var load = File_.Read(Now);
        Assert.Equal(2, load.State!.Objects.Count);
        Assert.False(File.Exists(next));
    }

    [Fact]
    public void A_folder_in_the_files_place_is_reported_and_nothing_is_thrown()
    {
        Directory.CreateDirectory(Path);
        var load = File_.Read(Now);
        Assert.Null(load.State);
        Assert.Throws<IOException>(() => Write(1));
    }

    [Fact]
    public void A_confirmation_is_kept_without_a_write()
    {
        Write(1);
        File_.Confirm(Confirmed.AddMinutes(30));
        Assert.Equal(Confirmed.AddMinutes(30), File_.Read(Now).State!.ConfirmedAt);
    }

    [Fact]
    public void A_confirmation_from_the_future_does_not_count()
    {
        Write(1);
        File_.Confirm(Now.AddDays(1));
        Assert.Equal(Confirmed, File_.Read(Now).State!.ConfirmedAt);
    }

    private void AssertRefused(string why)
    {
        var load = File_.Read(Now);
        Assert.Null(load.State);
        Assert.Contains(why, load.Refusal, StringComparison.Ordinal);
        Assert.False(File.Exists(Path));
    }

    private void Write(int count)
    {
        File_.Write(State(count));
        if (File.Exists(Path)) File_.Confirm(Confirmed);
    }

    private static InformerState<Interest> State(int count)
    {
        var objects = Enumerable.Range(0, count).Select(i => Interest($"i{i}", i, query: $"10.30.0.{i} \u00e4 \n")).ToImmutableDictionary(i => i.Key);
        return new InformerState<Interest>(objects, "77", Confirmed);
    }
}
