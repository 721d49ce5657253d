package postgres

// statement is one of a commit's trip. They are prepared when a connection for
// commits is made, under their names.
type statement struct {
	name string
	sql  string
}

// The statements of a commit, in the order in which they are executed. Each is
// sent only if it has something to do.
//
// A condition that does not hold divides by zero or inserts a second row under
// a key: the error makes the server roll back and skip the rest of the trip.
var (
	// stmtFence ($1 incarnation, $2 generation) fails on a connection that has
	// been replaced.
	stmtFence = statement{"fence", `
SELECT 1 / count(*)
FROM (SELECT 1 FROM writer WHERE incarnation = $1::bigint AND generation = $2::bigint FOR SHARE) AS held`}

	// stmtHold ($1 keys, $2 revisions) locks what was required to be present
	// and will be written or deleted; it fails if any has changed.
	stmtHold = statement{"hold", guard("FOR UPDATE")}

	// stmtCheck is the same for what is only required, and lets others require
	// it too.
	stmtCheck = statement{"check", guard("FOR SHARE")}

	// stmtClaim ($1 keys) makes others wait who would create one of the keys,
	// which were required to be absent but are not set; stmtDelete undoes it.
	stmtClaim = statement{"claim", `
INSERT INTO entry (key, value, revision)
SELECT key, ''::bytea, 0 FROM unnest($1::bytea[]) AS w (key) ORDER BY key`}

	// stmtCreate ($1 keys, $2 values) sets keys that were required to be
	// absent.
	stmtCreate = statement{"create", set}

	// stmtSet sets other keys.
	stmtSet = statement{"set", set + overwrite}

	// stmtCount ($1 logs, $2 numbers of records, $3 now) moves the counters of
	// logs. The stamp is that of the last of the records; the others precede it
	// one by one, as their sequences do.
	stmtCount = statement{"count", `
INSERT INTO log_head AS h (log, first, sequence, stamp)
SELECT log, 1, n, CASE WHEN n > 0 THEN greatest($3::bigint, 1) + n - 1 ELSE 0 END
FROM unnest($1::int[], $2::bigint[]) AS a (log, n) ORDER BY log
ON CONFLICT (log) DO UPDATE SET
	sequence = h.sequence + excluded.sequence,
	stamp = CASE WHEN excluded.sequence > 0
		THEN greatest($3::bigint, h.stamp + 1) + excluded.sequence - 1
		ELSE h.stamp END
RETURNING log, sequence, stamp`}

	// stmtRecord ($1 logs, $2 distances from the head, $3 values) writes the
	// records.
	stmtRecord = statement{"record", `
INSERT INTO log_record (log, sequence, stamp, value)
SELECT log, h.sequence - a.back, h.stamp - a.back, a.value
FROM unnest($1::int[], $2::bigint[], $3::bytea[]) AS a (log, back, value) JOIN log_head AS h USING (log)`}

	// stmtCreateFilled and stmtSetFilled are stmtCreate and stmtSet for keys
	// and values that carry numbers of the batch. Their parameters are columns
	// of pieces, see pieces.go.
	stmtCreateFilled = statement{"create_filled", setFilled}
	stmtSetFilled    = statement{"set_filled", setFilled + overwrite}

	// stmtDelete ($1 keys) deletes.
	stmtDelete = statement{"delete", `DELETE FROM entry WHERE key = ANY($1::bytea[])`}

	// stmtTrim ($1 logs, $2 bounds, $3 records that later batches of the
	// transaction have appended) moves the first record; stmtDrop ($1 logs)
	// removes those before it.
	stmtTrim = statement{"trim", `
UPDATE log_head AS h SET first = greatest(h.first, t.first)
FROM (
	SELECT log, max(least(a.before, h.sequence - a.later)) AS first
	FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS a (log, before, later) JOIN log_head AS h USING (log)
	GROUP BY log
) AS t
WHERE h.log = t.log`}
	stmtDrop = statement{"drop", `
DELETE FROM log_record AS r USING log_head AS h
WHERE h.log = ANY($1::int[]) AND r.log = h.log AND r.sequence < h.first`}
)

// statements are all that a connection for commits prepares.
func statements() []statement {
	return []statement{
		stmtFence, stmtHold, stmtCheck, stmtClaim, stmtCreate, stmtSet, stmtCount, stmtRecord,
		stmtCreateFilled, stmtSetFilled, stmtDelete, stmtTrim, stmtDrop,
	}
}

// guard locks keys in their order and compares what they hold afterwards.
func guard(lock string) string {
	return `
SELECT 1 / (count(*) = cardinality($1::bytea[]))::int
FROM (SELECT key, revision FROM entry WHERE key = ANY($1::bytea[]) ORDER BY key ` + lock + `) AS held
JOIN unnest($1::bytea[], $2::bigint[]) AS seen (key, revision) USING (key, revision)`
}

const (
	set = `
INSERT INTO entry (key, value, revision)
SELECT key, value, nextval('revision') FROM unnest($1::bytea[], $2::bytea[]) AS w (key, value) ORDER BY key`

	// setFilled joins the pieces of each key and value. Two writes can come out
	// with the same key; the later one wins.
	setFilled = `
INSERT INTO entry (key, value, revision)
SELECT DISTINCT ON (key) key, value, nextval('revision')
FROM (
	SELECT write,
		string_agg(bytes, ''::bytea ORDER BY ord) FILTER (WHERE in_key) AS key,
		coalesce(string_agg(bytes, ''::bytea ORDER BY ord) FILTER (WHERE NOT in_key), '') AS value
	FROM (
		SELECT write, in_key, ord, coalesce(literal, substring(int8send(CASE field
			WHEN 1 THEN h.sequence - back
			WHEN 2 THEN h.stamp - back
			ELSE ~(h.stamp - back) END) FROM start FOR length)) AS bytes
		FROM unnest($1::int[], $2::bool[], $3::bytea[], $4::int[], $5::bigint[], $6::int[], $7::int[], $8::int[])
			WITH ORDINALITY AS p (write, in_key, literal, log, back, field, start, length, ord)
			LEFT JOIN log_head AS h USING (log)
	) AS piece
	GROUP BY write
) AS w
ORDER BY key, write DESC`

	overwrite = `
ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision`
)
