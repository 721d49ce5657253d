curl -s "${ELASTICSEARCH_URL:-http://localhost:9200}/minio_events/_search?size=1000" -H 'Content-Type: application/json' -d '{
  "_source": ["Records.eventName", "Records.s3.object.key"],
  "query": {"bool": {
    "filter": {"term": {"Records.s3.bucket.name.keyword": "photos"}},
    "must_not": {"prefix": {"Records.eventName.keyword": "s3:ObjectAccessed:"}}
  }},
  "collapse": {"field": "Records.s3.object.key.keyword"},
  "sort": [{"Records.s3.object.sequencer.keyword": "desc"}]
}'
