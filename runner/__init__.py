"""adbatch: a declarative batch runner for generative ad creative.

The rooms stand on floors; a room imports only from the floors below it (a test enforces this):

0. `errors` `records` `verdicts` `facts` `fields` `census`: every noun that crosses a room
1. `job` (YAML to requests) · `feed` (bytes to rows) · `core` (the brain: pure)
2. `providers`: request to call, answer to verdict; pure
3. `edge`: clock, network, disk, secrets
4. `engine`, `loom`, `workflow`, `report`: the only place that waits
5. `cli`: one verb a file

The annex `sandbox` emulates the vendors; it imports no provider and no provider imports it.
"""
