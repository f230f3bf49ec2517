// The battery of an emulated handset (ACPI 6.5 §10.2, §10.3, §11): its numbers lie in a page that QEMU shares with this computer (ivshmem-plain, the
// PCI device 1af4:1110 in slot 16), and whoever writes there changes what the handset's Linux reads.
//
// The page, in little-endian words: 0 "PVBT", 1 state (1: discharging, 2: charging, 4: critical), 2 current in mA, 3 charge left in mAh, 4 voltage in
// mV, 5 whether a charger is plugged in, 6 temperature in tenths of a kelvin, 7 full charge and 8 design charge in mAh. Without the page everything is
// unknown, and no charger is there.

DefinitionBlock ("battery.aml", "SSDT", 2, "PVISOR", "PVBATT", 0x00000001)
{
    External (\_SB.PCI0, DeviceObj)

    Scope (\_SB.PCI0)
    {
        Device (PVSM)
        {
            Name (_ADR, 0x00100000)
            OperationRegion (CONF, PCI_Config, 0x00, 0x40)
            Field (CONF, DWordAcc, NoLock, Preserve)
            {
                IDNT, 32,
                CMND, 32,
                Offset (0x18),
                BARL, 32,
                BARH, 32
            }
        }
    }

    Scope (\_SB)
    {
        // The word at this index of the page; without a page, what it would say if nothing were known.
        Method (PVRD, 2, Serialized)
        {
            If (LNotEqual (\_SB.PCI0.PVSM.IDNT, 0x11101AF4))
            {
                Return (Arg1)
            }

            // Nobody drives the device, so nobody else switched its memory on.
            Or (And (\_SB.PCI0.PVSM.CMND, 0xFFFF), 0x02, \_SB.PCI0.PVSM.CMND)
            Store (\_SB.PCI0.PVSM.BARH, Local0)
            ShiftLeft (Local0, 32, Local0)
            Or (Local0, And (\_SB.PCI0.PVSM.BARL, 0xFFFFFFF0), Local0)
            OperationRegion (PAGE, SystemMemory, Local0, 0x40)
            Field (PAGE, DWordAcc, NoLock, Preserve)
            {
                MARK, 32,
                WRD1, 32,
                WRD2, 32,
                WRD3, 32,
                WRD4, 32,
                WRD5, 32,
                WRD6, 32,
                WRD7, 32,
                WRD8, 32
            }

            If (LNotEqual (MARK, 0x54425650))
            {
                Return (Arg1)
            }

            Switch (ToInteger (Arg0))
            {
                Case (1) { Return (WRD1) }
                Case (2) { Return (WRD2) }
                Case (3) { Return (WRD3) }
                Case (4) { Return (WRD4) }
                Case (5) { Return (WRD5) }
                Case (6) { Return (WRD6) }
                Case (7) { Return (WRD7) }
                Case (8) { Return (WRD8) }
            }

            Return (Arg1)
        }

        Device (BAT0)
        {
            Name (_HID, EisaId ("PNP0C0A"))
            Name (_UID, 1)
            Name (_PCL, Package () { \_SB })
            Method (_STA, 0, NotSerialized) { Return (0x1F) }
            Name (INFO, Package () { 1, 0, 0, 1, 3850, 150, 50, 1, 1, "emulated", "1", "LION", "pocketvisor" })
            Method (_BIF, 0, Serialized)
            {
                Store (PVRD (8, 0xFFFFFFFF), Index (INFO, 1))
                Store (PVRD (7, 0xFFFFFFFF), Index (INFO, 2))
                Return (INFO)
            }

            Name (STAT, Package () { 0, 0, 0, 0 })
            Method (_BST, 0, Serialized)
            {
                Store (PVRD (1, 0), Index (STAT, 0))
                Store (PVRD (2, 0xFFFFFFFF), Index (STAT, 1))
                Store (PVRD (3, 0xFFFFFFFF), Index (STAT, 2))
                Store (PVRD (4, 0xFFFFFFFF), Index (STAT, 3))
                Return (STAT)
            }
        }

        Device (ADP1)
        {
            Name (_HID, "ACPI0003")
            Name (_PCL, Package () { \_SB })
            Method (_PSR, 0, Serialized) { Return (PVRD (5, 0)) }
        }

        ThermalZone (TZ00)
        {
            Method (_TMP, 0, Serialized) { Return (PVRD (6, 2982)) }
            Method (_CRT, 0, NotSerialized) { Return (3932) }
        }
    }
}
