namespace KvStore.HandOver;

/// <summary>The messages of a hand-over, in the order in which they are sent. The numbers are the format's.</summary>
internal enum HandOverMessage
{
    /// <summary>None: the other side has closed the connection.</summary>
    Closed = 0,

    /// <summary>Successor: which versions it speaks, which store it is for.</summary>
    Hello = 1,

    /// <summary>Predecessor: the version that is spoken, its store.</summary>
    Welcome = 2,

    /// <summary>Either: it does not go further, and why. The predecessor serves.</summary>
    Refusal = 3,

    /// <summary>Successor: it is ready; clients wait from here on.</summary>
    Go = 4,

    /// <summary>Predecessor: labels, with the listening sockets that they are of.</summary>
    Listeners = 5,

    /// <summary>Predecessor: connected sockets, in the order of the state.</summary>
    Clients = 6,

    /// <summary>Predecessor: the next piece of the state.</summary>
    State = 7,

    /// <summary>Predecessor: that was all of the state.</summary>
    StateEnd = 8,

    /// <summary>Predecessor: the arena is closed, and nobody has it.</summary>
    Released = 9,

    /// <summary>Successor: it has the arena and the clients, and has served none of them yet.</summary>
    Attached = 10,

    /// <summary>Predecessor: they are the successor's. Sent once; nothing takes it back.</summary>
    Yours = 11,

    /// <summary>Predecessor: bytes that a client has sent, of which much was there.</summary>
    LateInput = 12,

    /// <summary>Predecessor: bytes that are to be sent to a client.</summary>
    LateOutput = 13,

    /// <summary>Predecessor: that was all of a client.</summary>
    LateEnd = 14,
}
