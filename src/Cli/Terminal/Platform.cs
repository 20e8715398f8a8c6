// Memory that outlives its process is Linux's here, and so is the tool.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
