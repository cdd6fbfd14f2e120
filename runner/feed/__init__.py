"""Bytes to Rows: every format of product feed as one stream of rows with line numbers.

One reader per format, all of one shape (`source.Reader`), in a visible dict (`formats.READERS`). Feeds are other people's data, so
nothing is guessed: text stays text (`007`, `1e3`), an encoding is UTF-8 or said, values are never rendered. Rows stream, so memory
does not grow with the feed; every mistake names its file and line.

`survey` reads a feed once and tells rows, columns and all mistakes; `read_rows` then streams it. The files are local: whoever
downloads a feed or expands a glob hands over snapshots, with the names people know them by.
"""

from runner.feed.formats import READERS
from runner.feed.prices import Price, read_price
from runner.feed.rows import read_rows
from runner.feed.source import Format, Source
from runner.feed.surveys import Survey, Surveying, survey

__all__ = ["READERS", "Format", "Price", "Source", "Survey", "Surveying", "read_price", "read_rows", "survey"]
