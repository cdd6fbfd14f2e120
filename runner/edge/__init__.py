"""Everything that touches the world: clock, network, disk, secrets.

The rooms below decide; this one carries out and reports. Each file owns one kind of contact, takes everything it needs as an
argument, and turns the operating system's failures into `errors.OurSide` with a remedy, and a vendor's into a `Reply`.
"""
