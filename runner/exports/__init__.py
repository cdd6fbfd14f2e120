"""Feeds that carry results to a shop's platforms: `export:` in a job.

`entries` finds what a feed can tell, `merchant`, `meta` and `columns` say it as each reader wants it, `cells` makes cells safe, and
`feeds` writes it all beside the outputs.
"""
