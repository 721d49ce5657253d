package server

import (
	"strings"
	"testing"
	"time"

	"github.com/carillon-s3/carillon/internal/journal"
)

func TestJournalWindow(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := map[string]struct {
		environ []string
		want    journal.Window
		fails   string
	}{
		"default":              {want: journal.Window{Age: 7 * day, Bytes: 4 << 30}},
		"days":                 {environ: []string{"CARILLON_JOURNAL_AGE=14d"}, want: journal.Window{Age: 14 * day, Bytes: 4 << 30}},
		"a duration":           {environ: []string{"CARILLON_JOURNAL_AGE=90m"}, want: journal.Window{Age: 90 * time.Minute, Bytes: 4 << 30}},
		"binary size":          {environ: []string{"CARILLON_JOURNAL_BYTES=512MiB"}, want: journal.Window{Age: 7 * day, Bytes: 512 << 20}},
		"decimal size":         {environ: []string{"CARILLON_JOURNAL_BYTES=20GB"}, want: journal.Window{Age: 7 * day, Bytes: 20e9}},
		"bytes":                {environ: []string{"CARILLON_JOURNAL_BYTES=2000000"}, want: journal.Window{Age: 7 * day, Bytes: 2e6}},
		"no age":               {environ: []string{"CARILLON_JOURNAL_AGE=long"}, fails: `CARILLON_JOURNAL_AGE: "long" is not a duration`},
		"age of part of a day": {environ: []string{"CARILLON_JOURNAL_AGE=1.5d"}, fails: "CARILLON_JOURNAL_AGE"},
		"age below zero":       {environ: []string{"CARILLON_JOURNAL_AGE=-3h"}, fails: "CARILLON_JOURNAL_AGE"},
		"age beyond bounds":    {environ: []string{"CARILLON_JOURNAL_AGE=999999d"}, fails: "CARILLON_JOURNAL_AGE"},
		"age too short":        {environ: []string{"CARILLON_JOURNAL_AGE=10ms"}, fails: "less than 1s"},
		"no size":              {environ: []string{"CARILLON_JOURNAL_BYTES=much"}, fails: `CARILLON_JOURNAL_BYTES: "much" is not a size such as 512MiB`},
		"unit alone":           {environ: []string{"CARILLON_JOURNAL_BYTES=GiB"}, fails: "CARILLON_JOURNAL_BYTES"},
		"unknown unit":         {environ: []string{"CARILLON_JOURNAL_BYTES=4 GiBi"}, fails: "CARILLON_JOURNAL_BYTES"},
		"unit twice":           {environ: []string{"CARILLON_JOURNAL_BYTES=4KMB"}, fails: "CARILLON_JOURNAL_BYTES"},
		"size beyond bounds":   {environ: []string{"CARILLON_JOURNAL_BYTES=9999999999TiB"}, fails: "CARILLON_JOURNAL_BYTES"},
		"size too small":       {environ: []string{"CARILLON_JOURNAL_BYTES=4KiB"}, fails: "less than 1MiB"},
		"both wrong":           {environ: []string{"CARILLON_JOURNAL_AGE=x", "CARILLON_JOURNAL_BYTES=y"}, fails: "CARILLON_JOURNAL_BYTES"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, err := newEnvironment(tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			got, err := env.journalWindow()
			switch {
			case tt.fails == "" && (err != nil || got != tt.want):
				t.Errorf("window %+v, %v; want %+v", got, err, tt.want)
			case tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)):
				t.Errorf("error %v, want one with %q", err, tt.fails)
			}
		})
	}
}
