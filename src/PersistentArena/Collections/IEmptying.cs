using GuestMemFs.Heap;

namespace GuestMemFs.Collections;

/// <summary>Frees what a deleted collection holds, all but its root object.</summary>
internal interface IEmptying
{
    /// <summary>Frees some of it, an intent each; true where nothing is left.</summary>
    bool Step(Lane lane, int steps);
}
