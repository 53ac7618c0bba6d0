using Gatehouse.Serve;
using Gatehouse.TestKit;

namespace Gatehouse.Tests.Serve;

public sealed class IdleCollectionTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly IdleCollection _collection;
    private ProcessReading _process;
    private int _collected;

    public IdleCollectionTests() => _collection = new(_time, () => _process, () =>
    {
        _collected++;
        _process = _process with { Collections = _process.Collections + 1 };
    });

    public void Dispose() => _collection.Dispose();

    [Fact]
    public void An_idle_process_is_collected_once_it_is_worth_it_and_not_again()
    {
        Pass(busy: 0, IdleCollection.Worth - 1);
        Assert.Equal(0, _collected);
        Pass(busy: 0, 1);
        Assert.Equal(1, _collected);
        Pass(busy: 0, 0);
        Pass(busy: 0, IdleCollection.Worth - 1);
        Assert.Equal(1, _collected);
        Pass(busy: 0, 1);
        Assert.Equal(2, _collected);
    }

    [Fact]
    public void A_busy_process_is_left_alone_until_it_rests()
    {
        for (var i = 0; i < 5; i++) Pass(busy: 0.26, 10 * IdleCollection.Worth);
        Assert.Equal(0, _collected);
        Pass(busy: 0.24, 0);
        Assert.Equal(1, _collected);
    }

    [Fact]
    public void What_the_runtime_collected_itself_counts()
    {
        Pass(busy: 1, 2 * IdleCollection.Worth);
        _process = _process with { Collections = _process.Collections + 1 };
        Pass(busy: 0, 0);
        Assert.Equal(0, _collected);
    }

    [Fact]
    public void A_real_collection_takes_what_nobody_holds()
    {
        var none = new WeakReference(null);
        var reading = default(ProcessReading);
        using var real = new IdleCollection(_time, () => reading);
        Garbage(ref none);
        reading = reading with { Allocated = IdleCollection.Worth };
        _time.Advance(IdleCollection.Every);
        Assert.False(none.IsAlive);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void Garbage(ref WeakReference held) => held = new WeakReference(new byte[100]);

    private void Pass(double busy, long allocated)
    {
        _process = _process with { Processor = _process.Processor + (IdleCollection.Every * busy), Allocated = _process.Allocated + allocated };
        _time.Advance(IdleCollection.Every);
    }
}
