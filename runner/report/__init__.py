"""The gallery: one folder, or one file, in which a person looks at what a job made, from `file://` and without a network.

It is derived from results.jsonl, the journal and the files of a run, and from nothing else; the same results are the same bytes.
`asked` reads from the journal what was asked and what it cost, `entries` says of each variant what there is to see, `dataset` cuts
that into an index and chunks, `thumbnails` makes the small pictures, `page` puts page and data into a folder or a file, and
`gallery` does it all in order. `live` serves the same page while a run goes on and takes decisions back.
"""
