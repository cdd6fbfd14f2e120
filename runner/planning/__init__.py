"""What a run would do, and why: `adbatch plan`, and `run --plan`, which does exactly that.

`preview` goes over the plan and finds what each request stands at (`prospects`), also where it waits for an answer (`shadow`).
`past` opens what the last run was made from, so that `reasons` can tell in the user's terms what is not as it was. `estimate` says
what it would cost and how long it would take; `forecast` makes one document of all that, and `pledge` holds a run to it.
"""
