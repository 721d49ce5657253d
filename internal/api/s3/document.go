package s3api

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// namespace is that of all S3 documents.
	namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
	// timeLayout is the time in S3 documents: ISO 8601 with milliseconds.
	timeLayout = "2006-01-02T15:04:05.000Z"
	// maxPooledDocument keeps the buffers of rare large answers out of the pool.
	maxPooledDocument = 1 << 20
)

// document writes the XML of an answer. Answers are flat and their order
// matters, so writing them out is simpler than describing them as types, and a
// page of a listing costs no reflection.
type document struct{ bytes.Buffer }

func (h *Handler) document() *document {
	d := h.documents.Get().(*document)
	d.Reset()
	return d
}

func (h *Handler) release(d *document) {
	if d.Cap() <= maxPooledDocument {
		h.documents.Put(d)
	}
}

func (d *document) declaration() { d.WriteString(xml.Header) }

// root opens the document's root element, in the S3 namespace.
func (d *document) root(name string) {
	d.declaration()
	d.WriteString("<" + name + ` xmlns="` + namespace + `">`)
}

func (d *document) open(name string) {
	d.WriteByte('<')
	d.WriteString(name)
	d.WriteByte('>')
}

func (d *document) close(name string) {
	d.WriteString("</")
	d.WriteString(name)
	d.WriteByte('>')
}

// text writes an element, also if its value is empty.
func (d *document) text(name, value string) {
	d.open(name)
	if plain(value) {
		d.WriteString(value)
	} else {
		// EscapeText fails only if its writer does, and a buffer does not.
		_ = xml.EscapeText(&d.Buffer, []byte(value))
	}
	d.close(name)
}

// plain reports whether a value needs no escaping, as nearly all do.
func plain(value string) bool {
	for i := range len(value) {
		c := value[i]
		if c < ' ' || c > '~' || c == '<' || c == '>' || c == '&' || c == '\'' || c == '"' {
			return false
		}
	}
	return true
}

// texts writes an element for each value.
func (d *document) texts(name string, values []string) {
	for _, v := range values {
		d.text(name, v)
	}
}

// optional writes an element unless its value is empty.
func (d *document) optional(name, value string) {
	if value != "" {
		d.text(name, value)
	}
}

func (d *document) number(name string, value int64) {
	d.open(name)
	d.Write(strconv.AppendInt(d.AvailableBuffer(), value, 10))
	d.close(name)
}

func (d *document) boolean(name string, value bool) { d.text(name, strconv.FormatBool(value)) }

func (d *document) time(name string, value time.Time) {
	d.open(name)
	d.Write(value.UTC().AppendFormat(d.AvailableBuffer(), timeLayout))
	d.close(name)
}

// message writes the message of an error. Its quotes stand as they are: clients
// look for what is in it before they read the XML.
func (d *document) message(text string) {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(text)) // see text
	d.open("Message")
	d.WriteString(strings.NewReplacer("&#34;", `"`, "&#39;", "'").Replace(escaped.String()))
	d.close("Message")
}

// etag writes an ETag in its quotes.
func (d *document) etag(value string) {
	d.open("ETag")
	d.WriteString("&#34;")
	_ = xml.EscapeText(&d.Buffer, []byte(value)) // see text
	d.WriteString("&#34;")
	d.close("ETag")
}

// xml answers with a document.
func (w *response) xml(status int, d *document) error {
	w.set("Content-Type", "application/xml")
	w.set("Content-Length", strconv.Itoa(d.Len()))
	w.WriteHeader(status)
	if _, err := w.Write(d.Bytes()); err != nil {
		return errClientGone
	}
	return nil
}

// ok answers 200 with a document.
func (w *response) ok(d *document) error { return w.xml(http.StatusOK, d) }
