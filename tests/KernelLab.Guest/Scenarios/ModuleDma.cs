namespace GuestMemFs.KernelLab.Guest.Scenarios;

/// <summary>
/// A device assigned to a program (VFIO, behind an IOMMU) copies within a file of the module; under the next kernel it
/// goes on with what it wrote.
/// </summary>
internal sealed class ModuleDma : Scenario
{
    public override void Run(Stage stage)
    {
        Place.Open(stage);
        stage.LoadModules("vfio", "vfio_iommu_type1", "irqbypass", "vfio-pci-core", "vfio-pci");
        if (stage.Number == 0)
        {
            Checks.Run(stage, "/tests/iommufd", Place.MountPoint);
            Checks.Run(stage, "/tests/dma", "write", Place.MountPoint);
            stage.LoadNext();
            Kexec.Enter();
        }

        Checks.Run(stage, "/tests/dma", "verify", Place.MountPoint);
    }
}
