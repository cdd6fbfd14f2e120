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

-- numbers: the numbers of those of these requests that have one
WITH wanted (digest) AS (VALUES (?)) SELECT request.digest, n FROM wanted JOIN request ON request.digest = wanted.digest;

-- last_request: the highest number of a request
SELECT max(n) FROM request;

-- add_request: a request seen for the first time
INSERT INTO request (n, digest) VALUES (?, ?);

-- add_fact: one fact, at the end
INSERT INTO fact (request, at, kind, body, seal) VALUES (?, ?, ?, ?, ?);

-- ids: the next requests in the order of their ids
SELECT digest FROM request WHERE digest > ? ORDER BY digest LIMIT 2000;

-- forget: the facts of one request, about to be written anew with those of another journal among them
DELETE FROM fact WHERE request = ?;

-- forget_runs: all runs, about to be written anew with those of another journal among them
DELETE FROM run;

-- add_run: a run as another journal knows it
INSERT INTO run (n, started, ended, meta) VALUES (?, ?, ?, ?);

-- histories: the facts of each of these requests, oldest first
WITH wanted (digest) AS (VALUES (?))
SELECT request.digest, at, kind, body, seal FROM wanted JOIN request ON request.digest = wanted.digest
JOIN fact ON fact.request = request.n ORDER BY fact.n;

-- saved: of each of these requests the last fact, where it says that the result is here: nothing before it matters then
WITH wanted (digest) AS (VALUES (?))
SELECT wanted.digest, at, kind, body, seal FROM wanted JOIN request ON request.digest = wanted.digest
JOIN fact ON fact.n = (SELECT max(n) FROM fact WHERE fact.request = request.n) WHERE kind = 'saved';

-- latest: the requests whose result came last
SELECT digest FROM fact JOIN request ON request.n = fact.request WHERE kind = 'saved' ORDER BY fact.n DESC LIMIT ?;

-- last: the number of the last fact; nothing was learnt while it stays the same
SELECT max(n) FROM fact;

-- page: the next facts of all requests, in order
SELECT fact.n, digest, at, kind, body, seal FROM fact JOIN request ON request.n = fact.request
WHERE fact.n > ? ORDER BY fact.n LIMIT 2000;

-- uncertain: requests that were perhaps bought: the last word about them is a submit without an answer, or one that was lost.
-- Being planned again changes nothing about that, unless a new purchase was ordered. One that left with a ticket can be asked for,
-- and is one of these once that has told nothing.
SELECT digest FROM request JOIN (
    SELECT request, max(n) AS n FROM fact WHERE kind <> 'planned' OR json_extract(body, '$.fresh') GROUP BY request
) AS last ON last.request = request.n JOIN fact ON fact.n = last.n
WHERE json_extract(body, '$.step') = 'submit'
  AND (kind = 'sent' AND json_extract(body, '$.ticket') IS NULL OR kind = 'answered' AND json_extract(body, '$.verdict.is') = 'lost')
  OR kind = 'answered' AND json_extract(body, '$.step') = 'poll' AND json_extract(body, '$.verdict.final')
ORDER BY request.n;

-- done_by_step: requests whose last fact is that their result is here, counted by what was asked of whom, for which step
SELECT coalesce(json_extract(first.body, '$.step'), ''),
       json_extract(first.body, '$.provider') || '/' || json_extract(first.body, '$.operation'), count(*)
FROM (SELECT min(n) AS first, max(n) AS last FROM fact GROUP BY request) AS span
CROSS JOIN fact AS last ON last.n = span.last CROSS JOIN fact AS first ON first.n = span.first
WHERE last.kind = 'saved' GROUP BY 1, 2 ORDER BY min(first.n);

-- unsettled: the next requests of which something else was heard last
SELECT request.n, digest FROM (SELECT request, max(n) AS last FROM fact WHERE request > ? GROUP BY request) AS span
CROSS JOIN fact ON fact.n = span.last CROSS JOIN request ON request.n = span.request
WHERE kind <> 'saved' ORDER BY span.request LIMIT 500;

-- oldest_result: when the oldest result came, of those that came between two moments and that none replaced since
SELECT min(at) FROM fact WHERE at > ? AND at <= ? AND (kind = 'saved' OR kind = 'resolved' AND json_extract(body, '$.how') = 'billed')
  AND NOT EXISTS (SELECT 1 FROM fact AS later WHERE later.request = fact.request AND later.n > fact.n AND later.kind = 'saved');

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
