package event

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"github.com/carillon-s3/carillon/internal/s3"
)

// maxXMLDepth bounds the nesting of a notification document. The schema's is 6;
// the rest is for unknown elements, which are skipped.
const maxXMLDepth = 32

// xmlConfig is the document of "PutBucketNotificationConfiguration". Elements
// that are not named here are ignored, among them Amazon's newer
// LambdaFunctionConfiguration and EventBridgeConfiguration. Of an element that
// is repeated against the schema the last counts.
type xmlConfig struct {
	XMLName        xml.Name   `xml:"NotificationConfiguration"`
	Queues         []xmlQueue `xml:"QueueConfiguration"`
	Topics         []struct{} `xml:"TopicConfiguration"`
	CloudFunctions []struct{} `xml:"CloudFunctionConfiguration"`
}

type xmlQueue struct {
	ID      string      `xml:"Id"`
	Filters []xmlFilter `xml:"Filter"`
	Events  []string    `xml:"Event"`
	ARN     string      `xml:"Queue"`
}

type xmlFilter struct {
	S3Keys []xmlS3Key `xml:"S3Key"`
}

type xmlS3Key struct {
	Rules []xmlFilterRule `xml:"FilterRule"`
}

type xmlFilterRule struct {
	Name  string `xml:"Name"`
	Value string `xml:"Value"`
}

// ParseConfig reads and checks a notification document. The error is a
// *ConfigError unless r failed. No entity of the document's own is expanded;
// size and depth are bounded. What follows the root element is not read.
func ParseConfig(r io.Reader, site Site) (*Config, error) {
	var doc xmlConfig
	if err := decodeXML(r, &doc); err != nil {
		return nil, err
	}
	c := &Config{Queues: make([]Queue, 0, len(doc.Queues))}
	arns := make([]ARN, 0, len(doc.Queues))
	for i := range doc.Queues {
		q, arn, err := doc.Queues[i].parse()
		if err != nil {
			return nil, err
		}
		c.Queues, arns = append(c.Queues, q), append(arns, arn)
	}
	if err := c.checkTwice(); err != nil {
		return nil, err
	}
	if len(doc.Topics)+len(doc.CloudFunctions) > 0 {
		return nil, &ConfigError{Code: CodeUnsupportedNotification, Message: msgUnsupported}
	}
	if err := site.check(arns); err != nil {
		return nil, err
	}
	return c, nil
}

func (x *xmlQueue) parse() (Queue, ARN, error) {
	q := Queue{ID: x.ID, Events: x.Events}
	if n := len(x.Filters); n > 0 {
		if keys := x.Filters[n-1].S3Keys; len(keys) > 0 {
			for _, rule := range keys[len(keys)-1].Rules {
				q.Filters = append(q.Filters, FilterRule(rule))
			}
		}
	}
	arn, err := ParseARN(x.ARN)
	if err != nil {
		// Of several mistakes in a rule its events are told first.
		if err := q.validate(); err != nil && len(q.Events) > 0 {
			return Queue{}, ARN{}, err
		}
		return Queue{}, ARN{}, invalid(msgBadARN)
	}
	q.Target = arn.Target
	return q, arn, q.validate()
}

// errTooLarge is returned by a document reader at its limit.
var errTooLarge = errors.New("event: document is too large")

func decodeXML(r io.Reader, doc *xmlConfig) error {
	source := &boundedReader{r: r, left: s3.MaxNotificationXMLBytes}
	inner := xml.NewDecoder(source)
	err := xml.NewTokenDecoder(&shallowTokens{inner: inner}).Decode(doc)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLarge):
		return &ConfigError{Code: CodeMalformedXML, Message: "The notification configuration is too large."}
	case source.err != nil:
		return source.err
	}
	return &ConfigError{Code: CodeMalformedXML, Message: msgMalformed}
}

// boundedReader fails with errTooLarge past its limit, and remembers any other
// failure, so that a broken connection is not reported as broken XML.
type boundedReader struct {
	r    io.Reader
	left int
	err  error
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	// One byte more than allowed tells a document at the limit from one past it.
	n, err := b.r.Read(p[:min(len(p), b.left+1)])
	b.left -= n
	if b.left < 0 {
		return 0, errTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// shallowTokens passes the tokens of inner on until they nest too deep.
type shallowTokens struct {
	inner *xml.Decoder
	depth int
}

func (s *shallowTokens) Token() (xml.Token, error) {
	token, err := s.inner.RawToken()
	switch token.(type) {
	case xml.StartElement:
		s.depth++
		if s.depth > maxXMLDepth {
			return nil, &xml.SyntaxError{Msg: "too deep"}
		}
	case xml.EndElement:
		s.depth--
	}
	return token, err
}

// AppendXML appends the document that GET answers with, without an XML
// declaration. region is the site's. A nil Config gives an empty document.
// ParseConfig of it gives the same Config.
func (c *Config) AppendXML(dst []byte, region string) []byte {
	b := bytes.NewBuffer(dst)
	b.WriteString(`<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	if c != nil {
		for i := range c.Queues {
			c.Queues[i].writeXML(b, region)
		}
	}
	b.WriteString(`</NotificationConfiguration>`)
	return b.Bytes()
}

func (q *Queue) writeXML(b *bytes.Buffer, region string) {
	b.WriteString("<QueueConfiguration>")
	writeElement(b, "Id", q.ID)
	if len(q.Filters) > 0 {
		b.WriteString("<Filter><S3Key>")
		for _, rule := range q.Filters {
			b.WriteString("<FilterRule>")
			writeElement(b, "Name", rule.Name)
			writeElement(b, "Value", rule.Value)
			b.WriteString("</FilterRule>")
		}
		b.WriteString("</S3Key></Filter>")
	}
	for _, name := range q.Events {
		writeElement(b, "Event", name)
	}
	writeElement(b, "Queue", ARN{Region: region, Target: q.Target}.String())
	b.WriteString("</QueueConfiguration>")
}

func writeElement(b *bytes.Buffer, name, text string) {
	b.WriteString("<" + name + ">")
	// EscapeText fails only if its writer does, and a buffer does not.
	_ = xml.EscapeText(b, []byte(text))
	b.WriteString("</" + name + ">")
}
