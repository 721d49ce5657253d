package elasticsearch

// object is a JSON object.
type object map[string]any

// eventIndex is the body that creates the index of events.
//
// Without a mapping Elasticsearch would guess from the first documents, and
// refuse later ones: a field for every name of user metadata, up to a limit of
// 1000; a date where the first key looks like one; an object where a name has a
// dot in it. All else is left to it, so that fields are what users of MinIO's
// indexes know.
func eventIndex(metadata object) object {
	return object{"mappings": object{
		"date_detection": false,
		"properties": object{"Records": object{"properties": object{
			"eventTime": object{"type": "date"},
			"s3":        object{"properties": object{"object": object{"properties": object{"userMetadata": metadata}}}},
		}}},
	}}
}

// flattenedMetadata makes user metadata one field, that can be searched as
// Records.s3.object.userMetadata.X-Amz-Meta-Name. Longer values than S3 allows
// are kept and not searched.
func flattenedMetadata() object { return object{"type": "flattened", "ignore_above": maxMetadata} }

// plainMetadata keeps user metadata and does not search it.
func plainMetadata() object { return object{"type": "object", "enabled": false} }

// maxMetadata is the most user metadata that S3 allows, in bytes.
const maxMetadata = 2048

// companionIndex is the body that creates the companion. It is hidden, so that a
// pattern such as minio* does not find it.
func companionIndex() object {
	return object{
		"settings": object{"index.hidden": true},
		"mappings": object{"dynamic": false, "properties": object{"deletedAt": object{"type": "date"}}},
	}
}
