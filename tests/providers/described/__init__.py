"""The parts of a described vendor."""
