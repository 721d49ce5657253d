package harness

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// Envelope is the body of a delivery.
type Envelope struct {
	EventName string
	Key       string
	Records   []Record
}

// Record is what tests read of an event.
type Record struct {
	EventVersion string `json:"eventVersion"`
	EventSource  string `json:"eventSource"`
	EventName    string `json:"eventName"`
	EventTime    string `json:"eventTime"`
	S3           struct {
		Bucket struct {
			Name string `json:"name"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      int64  `json:"size"`
			ETag      string `json:"eTag"`
			Sequencer string `json:"sequencer"`
			VersionID string `json:"versionId"`
		} `json:"object"`
	} `json:"s3"`
	Source struct {
		UserAgent string `json:"userAgent"`
	} `json:"source"`
}

// Delivery is one request that a Receiver got. Deliveries are in order of their
// arrival.
type Delivery struct {
	// Number counts from 0 over all requests, also those that were forgotten.
	Number  int
	Arrived time.Time
	// ID is the webhook-id header, the event's id.
	ID     string
	Path   string
	Header http.Header
	Body   []byte
	Envelope
	// Status is what was answered; 0 as long as nothing was.
	Status int
}

// Accepted says whether the delivery was acknowledged.
func (d Delivery) Accepted() bool { return d.Status/100 == 2 }

// Reply is what a Receiver does with one request.
type Reply struct {
	// Status to answer; 0 is 200.
	Status int
	// Header is added to the answer.
	Header http.Header
	// After delays the answer.
	After time.Duration
	// Until, if not nil, delays the answer until something is received from it.
	Until <-chan struct{}
	// Hang never answers; the request ends with its connection.
	Hang bool
	// Forget leaves no trace in Deliveries, as a receiver that loses what it
	// acknowledged.
	Forget bool
}

// Behaviour chooses the reply to a request.
type Behaviour func(Delivery) Reply

// Accept acknowledges everything.
func Accept(Delivery) Reply { return Reply{} }

// Hang answers nothing.
func Hang(Delivery) Reply { return Reply{Hang: true} }

// Slow acknowledges after d.
func Slow(d time.Duration) Behaviour {
	return func(Delivery) Reply { return Reply{After: d} }
}

// Status answers status to everything.
func Status(status int) Behaviour {
	return func(Delivery) Reply { return Reply{Status: status} }
}

// StatusForKey answers status to the events of one bucket/key and acknowledges
// all others.
func StatusForKey(key string, status int) Behaviour {
	return func(d Delivery) Reply {
		if d.Key == key {
			return Reply{Status: status}
		}
		return Reply{}
	}
}

// ForgetEvery acknowledges everything and forgets one request in n.
func ForgetEvery(n int) Behaviour {
	return func(d Delivery) Reply { return Reply{Forget: d.Number%n == n-1} }
}

// Receiver is a webhook receiver. It is up when made. All methods may be called
// from several goroutines.
type Receiver struct {
	address string
	tls     *tls.Config // nil without TLS

	mu         sync.Mutex
	server     *http.Server
	behave     Behaviour
	requests   int
	deliveries []*Delivery
	changed    chan struct{}
}

// NewReceiver starts a receiver that accepts everything.
func NewReceiver(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{address: FreeAddress(t), behave: Accept, changed: make(chan struct{})}
	r.Up(t)
	t.Cleanup(r.Down)
	return r
}

// NewTLSReceiver starts a receiver with a certificate of an authority.
func NewTLSReceiver(t testing.TB, a *Authority) *Receiver {
	t.Helper()
	folder := t.TempDir()
	a.Issue(folder, "127.0.0.1")
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "public.crt"), filepath.Join(folder, "private.key"))
	if err != nil {
		t.Fatal(err)
	}
	r := &Receiver{
		address: FreeAddress(t), behave: Accept, changed: make(chan struct{}),
		tls: &tls.Config{Certificates: []tls.Certificate{pair}},
	}
	r.Up(t)
	t.Cleanup(r.Down)
	return r
}

// URL is the endpoint to configure.
func (r *Receiver) URL() string {
	if r.tls != nil {
		return "https://" + r.address + "/events"
	}
	return "http://" + r.address + "/events"
}

// Up listens; nothing happens if it does already. A connection of somebody else
// may hold the port for a moment.
func (r *Receiver) Up(t testing.TB) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		return
	}
	var l net.Listener
	Poll(t, "the receiver's port", func() (err error) {
		l, err = net.Listen("tcp", r.address)
		return err
	})
	if r.tls != nil {
		l = tls.NewListener(l, r.tls)
	}
	r.server = &http.Server{Handler: http.HandlerFunc(r.serve), ErrorLog: log.New(io.Discard, "", 0)}
	go func(s *http.Server) { _ = s.Serve(l) }(r.server) // returns when closed
}

// Down closes the listener and all connections: connects are refused from now.
func (r *Receiver) Down() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.server != nil {
		_ = r.server.Close()
		r.server = nil
	}
}

// Behave sets what happens to requests that arrive from now on.
func (r *Receiver) Behave(b Behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behave = b
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender died half-way; nothing arrived
	}
	if req.Method != http.MethodPost {
		return
	}
	d := &Delivery{
		Arrived: time.Now(), ID: req.Header.Get("Webhook-Id"), Path: req.URL.Path,
		Header: req.Header, Body: body,
	}
	if err := json.Unmarshal(body, &d.Envelope); err != nil {
		d.Key = "not JSON: " + err.Error()
	}
	reply := r.arrive(d)
	switch {
	case reply.Hang:
		<-req.Context().Done()
		return
	case reply.Until != nil:
		select {
		case <-reply.Until:
		case <-req.Context().Done():
		}
	case reply.After > 0:
		select {
		case <-time.After(reply.After):
		case <-req.Context().Done():
		}
	}
	status := reply.Status
	if status == 0 {
		status = http.StatusOK
	}
	r.answered(d, status)
	for k, v := range reply.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
}

// arrive records d in the order of arrival and chooses the reply.
func (r *Receiver) arrive(d *Delivery) Reply {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.Number = r.requests
	r.requests++
	reply := r.behave(*d)
	if !reply.Forget {
		r.deliveries = append(r.deliveries, d)
	}
	r.signal()
	return reply
}

func (r *Receiver) answered(d *Delivery, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.Status = status
	r.signal()
}

// signal wakes those who wait. r.mu is held.
func (r *Receiver) signal() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Deliveries returns all requests so far.
func (r *Receiver) Deliveries() []Delivery {
	all, _ := r.snapshot()
	return all
}

func (r *Receiver) snapshot() ([]Delivery, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Delivery, 0, len(r.deliveries))
	for _, d := range r.deliveries {
		all = append(all, *d)
	}
	return all, r.changed
}

// Accepted returns the acknowledged requests so far.
func (r *Receiver) Accepted() []Delivery {
	return slices.DeleteFunc(r.Deliveries(), func(d Delivery) bool { return !d.Accepted() })
}

// Wait waits until done says that the requests are complete, and returns them.
func (r *Receiver) Wait(t testing.TB, what string, done func([]Delivery) bool) []Delivery {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		all, changed := r.snapshot()
		if done(all) {
			return all
		}
		select {
		case <-changed:
		case <-deadline.C:
			t.Fatalf("waited %s in vain for %s; there were %d requests", Patience, what, len(all))
		}
	}
}

// WaitKey waits for an acknowledged event of bucket/key and returns the first.
func (r *Receiver) WaitKey(t testing.TB, key string) Delivery {
	t.Helper()
	var found Delivery
	r.Wait(t, "an event of "+key, func(all []Delivery) bool {
		i := slices.IndexFunc(all, func(d Delivery) bool { return d.Key == key && d.Accepted() })
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

// WaitKeys waits until every one of the keys has an acknowledged event.
func (r *Receiver) WaitKeys(t testing.TB, keys []string) []Delivery {
	t.Helper()
	return r.Wait(t, "an event of each of the keys", func(all []Delivery) bool {
		return len(Missing(all, keys)) == 0
	})
}

// Missing returns the keys without an acknowledged event.
func Missing(all []Delivery, keys []string) []string {
	got := make(map[string]bool, len(all))
	for _, d := range all {
		if d.Accepted() {
			got[d.Key] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return got[k] })
}

// Quiet waits until no request arrived for the given time.
func (r *Receiver) Quiet(d time.Duration) {
	for {
		_, changed := r.snapshot()
		select {
		case <-changed:
		case <-time.After(d):
			return
		}
	}
}

// settleEvery is how often Settle looks while requests keep arriving.
const settleEvery = 250 * time.Millisecond

// Settle waits until done says that the requests are complete, or until none
// arrived for the time quiet, and returns them.
func (r *Receiver) Settle(quiet time.Duration, done func([]Delivery) bool) []Delivery {
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	last, since := -1, time.Now()
	for {
		all := r.Deliveries()
		if len(all) != last {
			last, since = len(all), time.Now()
			if done(all) {
				return all
			}
		}
		if time.Since(since) > quiet {
			return all
		}
		<-tick.C
	}
}
