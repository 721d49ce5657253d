package lifecycle

import (
	"context"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/object"
)

// Book keeps the rules of each bucket's document, parsed once. It is safe for
// concurrent use.
type Book struct {
	objects *object.Service
	day     time.Duration
	pages   sync.Map // bucket name -> page
}

// page is what a document says; err is why it cannot be read.
type page struct {
	document *object.Document
	rules    *Rules
	err      error
}

// NewBook makes a Book of the buckets of a Service. day is as in Parse.
func NewBook(objects *object.Service, day time.Duration) *Book {
	return &Book{objects: objects, day: day}
}

// rules are those of a bucket's document, which is not nil.
func (b *Book) rules(bucket string, document *object.Document) (*Rules, error) {
	if known, ok := b.pages.Load(bucket); ok && known.(page).document == document {
		return known.(page).rules, known.(page).err
	}
	p := page{document: document}
	if p.rules, p.err = Parse(document.Body, b.day); p.err != nil {
		p.rules = &Rules{day: b.day} // what cannot be read removes nothing
	}
	b.pages.Store(bucket, p)
	return p.rules, p.err
}

// forget gives up what is known of buckets that are not there any more.
func (b *Book) forget(there []object.Bucket) {
	names := make(map[any]bool, len(there))
	for _, bucket := range there {
		names[bucket.Name] = true
	}
	b.pages.Range(func(name, _ any) bool {
		if !names[name] {
			b.pages.Delete(name)
		}
		return true
	})
}

// Expiration is the x-amz-expiration header of answers about a version that was
// just read or written, and is its key's latest; empty for none.
func (b *Book) Expiration(ctx context.Context, info *object.Info) string {
	document := b.objects.KnownLifecycle(ctx, info.Bucket)
	if document == nil {
		return ""
	}
	rules, _ := b.rules(info.Bucket, document) // the scanner reports what cannot be read
	return rules.Expiration(info)
}
