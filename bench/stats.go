package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// spread is the middle of some values, and how far they lie apart.
type spread struct{ median, min, max float64 }

// spreadOf is the spread of the values; NaN where there are none.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	v := slices.Sorted(slices.Values(values))
	mid := v[len(v)/2]
	if len(v)%2 == 0 {
		mid = (v[len(v)/2-1] + mid) / 2
	}
	return spread{median: mid, min: v[0], max: v[len(v)-1]}
}

// percentile is the nearest-rank percentile p (0 to 100) of sorted values; the
// zero value where there are none.
func percentile[T cmp.Ordered](sorted []T, p float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// sample is what one visit to one server measured in one cell of the table.
type sample struct {
	cell   string        // scenario and its parameters
	rate   float64       // per second, in unit
	unit   string        // of the rate's count
	p50    time.Duration // of an answer, or of an arrival
	p99    time.Duration
	cpu    time.Duration // of the server, per operation; 0 is not known
	remark string        // errors, events missing: whatever spoils the figure
	drain  drained       // of a drain into a broker; otherwise zero
}

// visit is one server's turn in one round.
type visit struct {
	round   int
	server  string
	samples []sample
}

// rates gives the rates that the server reached in the cell, one per round: the
// mean of its two turns, so that a drift over the round (A B B A) cancels out.
func rates(visits []visit, server, cell string) map[int]float64 {
	sums, counts := map[int]float64{}, map[int]float64{}
	for _, v := range visits {
		for _, s := range v.samples {
			if v.server == server && s.cell == cell {
				sums[v.round] += s.rate
				counts[v.round]++
			}
		}
	}
	for round := range sums {
		sums[round] /= counts[round]
	}
	return sums
}

// ratios is the spread over rounds of what server reached against base. A round
// that only one of them finished does not count.
func ratios(visits []visit, cell, server, base string) spread {
	of, by := rates(visits, server, cell), rates(visits, base, cell)
	var all []float64
	for round, rate := range of {
		if by[round] > 0 {
			all = append(all, rate/by[round])
		}
	}
	return spreadOf(all)
}

// turns is the order of one round: forth and back.
func turns[T any](servers []T) []T {
	back := slices.Clone(servers)
	slices.Reverse(back)
	return slices.Concat(servers, back)
}
