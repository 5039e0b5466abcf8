// Package dedupe drops samples that a logger has sent twice.
package dedupe

import (
	"errors"
	"time"
)

// maxPerStation bounds the memory that one broken logger can claim.
const maxPerStation = 40000

// sweepEvery is a compromise: at 1 minute the sweep took 6 % of a core.
const sweepEvery = 5 * time.Minute

// ErrFull means that the logger has to be told to slow down. The API turns it into 429.
var ErrFull = errors.New("dedupe: too many samples for one station")

// Key identifies a sample. The value is not part of it: if a logger sends
// the same instant with two different values, the first one stays.
type Key struct {
	Station string
	Channel uint8
	At      int64 // Unix milliseconds, because pulse inputs can fire several times a second
}

// Window remembers the keys of the last hours.
type Window struct {
	span  time.Duration
	seen  map[Key]time.Time
	count map[string]int
}

// New returns a window; a span of zero or less switches the check off.
func New(span time.Duration) *Window {
	return &Window{span: span, seen: map[Key]time.Time{}, count: map[string]int{}}
}

// Add reports whether the sample is new.
func (w *Window) Add(k Key, now time.Time) (bool, error) {
	if w.span <= 0 {
		return true, nil
	}
	if _, ok := w.seen[k]; ok {
		return false, nil
	}
	if w.count[k.Station] >= maxPerStation {
		return false, ErrFull
	}
	w.seen[k] = now
	w.count[k.Station]++
	return true, nil
}

// Sweep forgets keys that are older than the span. The caller must hold the ingest lock.
func (w *Window) Sweep(now time.Time) {
	for k, t := range w.seen {
		if now.Sub(t) > w.span {
			delete(w.seen, k)
			w.count[k.Station]--
		}
	}
}
