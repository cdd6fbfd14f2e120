"""Requests that travel by batch: gathered into files, bought as one, asked about as one.

Each request is still a request of its own, with its own facts: it was journaled as sent before it came here. What is shared is only
the way. `gathering` fills files and buys them, `answers` waits for batches and reads them, `hands` tells apart what goes which way,
`lanes` says what a job's steps need for it. Nothing here knows a vendor: what is said and what it means is the provider's
(`runner.providers.contract.Batching`).
"""
