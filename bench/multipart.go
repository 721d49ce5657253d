package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
)

const (
	uploadParts = 8
	uploadPart  = 8 << 20
	uploadSize  = uploadParts * uploadPart
)

// uploads measures uploads in parts, from their creation to their completion.
// Each client sends the parts one after the other.
func uploads(ctx context.Context, t *turn) error {
	body, hash := t.options.body(uploadPart)
	var count atomic.Int64
	worker := func(int) step {
		return func(c *client) (bool, error) {
			return false, upload(c, keyPath(bucket, uploadSize, int(count.Add(1))), body, hash)
		}
	}
	for _, n := range t.options.clients {
		l := load{clients: n, warm: t.options.warm, length: t.options.length, worker: worker}
		if err := t.measure(ctx, fmt.Sprintf("MULTIPART %s in %d c%d", sizeName(uploadSize), uploadParts, n), uploadSize, l); err != nil {
			return err
		}
	}
	return nil
}

// upload makes one object out of uploadParts times body.
func upload(c *client, path string, body []byte, hash string) error {
	if err := c.do(&request{method: "POST", path: path, query: "uploads=", hash: hashOf(nil), keep: true}); err != nil {
		return err
	}
	id := "uploadId=" + queryEscape(element(c.answer, "UploadId"))
	var list strings.Builder
	list.WriteString("<CompleteMultipartUpload>")
	for n := 1; n <= uploadParts; n++ {
		query := fmt.Sprintf("partNumber=%d&%s", n, id)
		if err := c.do(&request{method: "PUT", path: path, query: query, body: body, hash: hash}); err != nil {
			return err
		}
		fmt.Fprintf(&list, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n, c.etag)
	}
	list.WriteString("</CompleteMultipartUpload>")
	whole := []byte(list.String())
	err := c.do(&request{method: "POST", path: path, query: id, body: whole, hash: hashOf(whole), keep: true})
	if err == nil && element(c.answer, "ETag") == "" { // S3 may answer 200 and then an error
		err = fmt.Errorf("complete %s: %.300s", path, c.answer)
	}
	return err
}
