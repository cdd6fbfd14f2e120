"""The study: a YAML job becomes a `Job`, and job × rows become requests.

`document` reads YAML and remembers where everything stands; `forms` reads the small notations (`20 USD`, `30d`, `50/1m`); `model`
and `project` say what the two files may hold; `wording` turns every mistake into a sentence with a place; `load` is the door.
`schema` says the same to editors. Nothing here knows a vendor, a feed format, the network or a clock.
"""
