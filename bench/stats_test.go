package main

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSpreadOf(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for name, test := range map[string]struct {
		values []float64
		want   spread
	}{
		"none": {nil, spread{nan, nan, nan}},
		"one":  {[]float64{7}, spread{7, 7, 7}},
		"odd":  {[]float64{9, 1, 2}, spread{2, 1, 9}},
		"even": {[]float64{4, 1, 2, 9}, spread{3, 1, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := spreadOf(test.values)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(spread{}), cmpopts.EquateNaNs()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for name, test := range map[string]struct {
		sorted []int
		p      float64
		want   int
	}{
		"none":          {nil, 50, 0},
		"one":           {[]int{3}, 99, 3},
		"middle of two": {[]int{3, 4}, 50, 3},
		"median":        {hundred, 50, 50},
		"p99":           {hundred, 99, 99},
		"first":         {hundred, 0, 1},
		"last":          {hundred, 100, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := percentile(test.sorted, test.p); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestTurns(t *testing.T) {
	t.Parallel()
	want := []string{"a", "b", "c", "c", "b", "a"}
	if diff := cmp.Diff(want, turns([]string{"a", "b", "c"})); diff != "" {
		t.Error(diff)
	}
}

// TestRatiosCancelDrift has a machine that gets slower by the turn: A B B A
// still finds that A is twice as fast, in each round.
func TestRatiosCancelDrift(t *testing.T) {
	t.Parallel()
	var visits []visit
	speed := 1000.0
	for round := range 3 {
		for _, server := range turns([]string{"a", "b"}) {
			rate := speed
			if server == "a" {
				rate *= 2
			}
			visits = append(visits, visit{round: round, server: server, samples: []sample{{cell: "c", rate: rate}, {cell: "other", rate: 1}}})
			speed -= 50
		}
	}
	got := ratios(visits, "c", "a", "b")
	if diff := cmp.Diff(spread{2, 2, 2}, got, cmp.AllowUnexported(spread{}), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
}

func TestRatiosLeaveOutUnfinishedRounds(t *testing.T) {
	t.Parallel()
	visits := []visit{
		{round: 0, server: "a", samples: []sample{{cell: "c", rate: 6}}},
		{round: 0, server: "b", samples: []sample{{cell: "c", rate: 2}}},
		{round: 1, server: "a", samples: []sample{{cell: "c", rate: 100}}},
	}
	got := ratios(visits, "c", "a", "b")
	if diff := cmp.Diff(spread{3, 3, 3}, got, cmp.AllowUnexported(spread{})); diff != "" {
		t.Error(diff)
	}
}
