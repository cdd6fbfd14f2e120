"""The bench: how fast and how large adbatch is, beside a bare client. `make bench`; README.md holds the figures."""
