CREATE OR REPLACE VIEW events AS  -- each event once
  SELECT DISTINCT
    event_data#>>'{Records,0,s3,bucket,name}' AS bucket,
    event_data#>>'{Records,0,s3,object,key}' AS object_key,
    event_data#>>'{Records,0,s3,object,sequencer}' AS sequencer,
    event_data#>>'{Records,0,eventName}' AS event
  FROM bucketevents;

CREATE OR REPLACE VIEW newest AS  -- the newest event of each key
  SELECT DISTINCT ON (bucket, object_key) * FROM events
  WHERE event NOT LIKE 's3:ObjectAccessed:%'
  ORDER BY bucket, object_key, sequencer COLLATE "C" DESC;
