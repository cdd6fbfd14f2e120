"""All vendors on loopback, for demonstrations and tests: the annex.

Real HTTP, the vendors' own paths, headers, envelopes and error bodies, pictures that can be looked at, and a ledger of all that a
real vendor would have billed. It is written from the vendors' documents alone and knows nothing of `runner.providers`, nor they of
it: two independent witnesses, so that a misreading of a document cannot pass both.

`python -m runner.sandbox --state DIR` runs it as a process (`serve`); `app.make_app(settings)` gives it as an aiohttp application.
"""
