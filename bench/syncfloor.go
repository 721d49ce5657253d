package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// syncFloorFile is where the floor that syncs starts over at the front, as a
// recycled log does.
const syncFloorFile = 1 << 30

// syncFloor is the floor's handler, made durable: a body is in a file and the
// file is synced before the answer goes out. Bodies that wait are written and
// synced together. It is how far a server could come that does nothing but what
// its promise needs.
type syncFloor struct {
	answers http.Handler
	waiting chan *pending
	file    *os.File
	at      int64
	bodies  sync.Pool // of *pending
}

// pending is a body that is to be made durable.
type pending struct {
	body []byte
	done chan error
}

// newSyncFloor runs until the process ends.
func newSyncFloor(dir string) (http.Handler, error) {
	file, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	// As many as can wait are taken at once.
	s := &syncFloor{answers: newFloor(), waiting: make(chan *pending, 1024), file: file}
	s.bodies.New = func() any { return &pending{done: make(chan error, 1)} }
	go s.commit()
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *syncFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || r.ContentLength <= 0 {
		s.answers.ServeHTTP(w, r)
		return
	}
	p := s.bodies.Get().(*pending)
	defer s.bodies.Put(p)
	if int64(cap(p.body)) < r.ContentLength {
		p.body = make([]byte, r.ContentLength)
	}
	p.body = p.body[:r.ContentLength]
	if _, err := io.ReadFull(r.Body, p.body); err != nil {
		return // the client is gone
	}
	s.waiting <- p
	if err := <-p.done; err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.answers.ServeHTTP(w, r)
}

// commit writes and syncs whatever waits, and again.
func (s *syncFloor) commit() {
	var group []*pending
	var log []byte
	for p := range s.waiting {
		group = append(group[:0], p)
		for more := true; more; {
			select {
			case p := <-s.waiting:
				group = append(group, p)
			default:
				more = false
			}
		}
		log = log[:0]
		for _, p := range group {
			log = append(log, p.body...)
		}
		if s.at+int64(len(log)) > syncFloorFile {
			s.at = 0
		}
		_, err := s.file.WriteAt(log, s.at)
		s.at += int64(len(log))
		if err == nil {
			err = fdatasync(s.file)
		}
		for _, p := range group {
			p.done <- err
		}
	}
}
