"""What became different between two runs: `adbatch diff`.

`sides` finds the results of either, `joining` pairs their lines by key, `differences` tells what changed in a pair, `causes` why,
`measuring` how far two pictures are apart and `wording` two texts; `comparing` puts it together and `sheet` makes pages of it.
"""
