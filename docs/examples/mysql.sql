CREATE OR REPLACE VIEW events AS  -- each event once
  SELECT DISTINCT
    JSON_UNQUOTE(JSON_EXTRACT(event_data, '$.Records[0].s3.bucket.name')) AS bucket,
    JSON_UNQUOTE(JSON_EXTRACT(event_data, '$.Records[0].s3.object.key')) COLLATE utf8mb4_bin AS object_key,
    JSON_UNQUOTE(JSON_EXTRACT(event_data, '$.Records[0].s3.object.sequencer')) AS sequencer,
    JSON_UNQUOTE(JSON_EXTRACT(event_data, '$.Records[0].eventName')) AS event
  FROM minio_images;

CREATE OR REPLACE VIEW newest AS  -- the newest event of each key
  SELECT bucket, object_key, sequencer, event FROM (
    SELECT events.*, ROW_NUMBER() OVER (PARTITION BY bucket, object_key ORDER BY sequencer DESC) AS age
    FROM events WHERE event NOT LIKE 's3:ObjectAccessed:%'
  ) AS ordered WHERE age = 1;
