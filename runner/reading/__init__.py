"""What people ask about a job without sending anything: one variant from feed line to file, and where the whole job stands.

`study` lays a job's papers out for reading and is the way in for every verb that only looks; `portrait`, with `lineage` and
`transcript`, is `adbatch show`; `overview` is `adbatch status`.
"""
