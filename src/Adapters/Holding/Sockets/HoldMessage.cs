using Microsoft.Win32.SafeHandles;

namespace GuestMemFs.Holding.Sockets;

/// <summary>
/// A message between a holder and its client: a word, what it is about, and a descriptor where one goes with it.
/// </summary>
internal readonly record struct HoldMessage(string Word, string[] Fields, SafeFileHandle? Descriptor = null);
