// The kernel's interfaces that this stands on are Linux's.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
