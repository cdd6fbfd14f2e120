-- The journal's SQL. Each query is named by a line `-- name: what it is for`; runner/edge/journal.py loads them by name.
--
-- Facts are only ever appended, under integers that grow, so a commit touches the end of one table and of one index. The digest
-- of a request is written once and is the only random key there is: a text key in its place costs ten times as much.

-- create: the whole schema, built in a temporary file that is then renamed into place
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,          -- format, mode, journal
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE run (
    n       INTEGER PRIMARY KEY,
    started REAL NOT NULL,           -- seconds since the epoch, UTC
    ended   REAL,                    -- NULL: it is running, or it was killed
    meta    TEXT NOT NULL            -- JSON
);
CREATE TABLE request (
    n      INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE      -- the request's id: 32 bytes of sha256
);
CREATE TABLE fact (
    n       INTEGER PRIMARY KEY,     -- the order in which facts became known
    request INTEGER NOT NULL REFERENCES request (n),
    at      REAL NOT NULL,           -- seconds since the epoch, UTC
    kind    TEXT NOT NULL,           -- planned, sent, answered, saved, stopped
    body    TEXT NOT NULL,           -- JSON
    seal    INTEGER NOT NULL         -- CRC-32 of all that: SQLite does not notice a letter that has changed on the disk
);
CREATE INDEX fact_of_request ON fact (request);

-- read_meta: what kind of journal this is
SELECT name, value FROM meta;

-- write_meta: said once, at birth
INSERT INTO meta (name, value) VALUES (?, ?);

-- find_request: the number of a request, by its digest
SELECT n FROM request WHERE digest = ?;

-- add_request: a request seen for the first time
INSERT INTO request (digest) VALUES (?);

-- add_fact: one fact, at the end
INSERT INTO fact (request, at, kind, body, seal) VALUES (?, ?, ?, ?, ?);

-- history: the facts of one request, oldest first
SELECT at, kind, body, seal FROM fact WHERE request = (SELECT n FROM request WHERE digest = ?) ORDER BY n;

-- page: the next facts of all requests, in order
SELECT fact.n, digest, at, kind, body, seal FROM fact JOIN request ON request.n = fact.request
WHERE fact.n > ? ORDER BY fact.n LIMIT 2000;

-- uncertain: requests that were perhaps bought: the last word about them is a submit without an answer, or one that was lost.
-- Being planned again changes nothing about that, unless a new purchase was ordered.
SELECT digest FROM request JOIN (
    SELECT request, max(n) AS n FROM fact WHERE kind <> 'planned' OR json_extract(body, '$.fresh') GROUP BY request
) AS last ON last.request = request.n JOIN fact ON fact.n = last.n
WHERE json_extract(body, '$.step') = 'submit'
  AND (kind = 'sent' OR kind = 'answered' AND json_extract(body, '$.verdict.is') = 'lost')
ORDER BY request.n;

-- begin_run: a run starts
INSERT INTO run (started, meta) VALUES (?, ?);

-- end_run: a run ends, in whatever way
UPDATE run SET ended = ?, meta = ? WHERE n = ?;

-- runs: all runs, oldest first
SELECT n, started, ended, meta FROM run ORDER BY n;

-- sizes: how many requests and runs there are
SELECT (SELECT count(*) FROM request), (SELECT count(*) FROM run);

-- stored: how many requests have their result
SELECT count(DISTINCT request) FROM fact WHERE kind = 'saved';
