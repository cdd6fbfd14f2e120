"""Limits of ad platforms, as dated data: one YAML file each, with the pages that have the latest."""
