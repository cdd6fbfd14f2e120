"""Runs of the real command, many at once, against a vendor in the test."""
