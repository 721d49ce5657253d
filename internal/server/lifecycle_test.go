package server

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLifecycleTimes(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		environ []string
		want    lifecycleTimes
		fails   string
	}{
		"default":           {want: lifecycleTimes{day, time.Hour}},
		"interval":          {environ: []string{"CARILLON_ILM_INTERVAL=10m"}, want: lifecycleTimes{day, 10 * time.Minute}},
		"short days":        {environ: []string{"CARILLON_ILM_DAY=2s"}, want: lifecycleTimes{2 * time.Second, 2 * time.Second}},
		"both":              {environ: []string{"CARILLON_ILM_DAY=2h", "CARILLON_ILM_INTERVAL=1s"}, want: lifecycleTimes{2 * time.Hour, time.Second}},
		"a day":             {environ: []string{"CARILLON_ILM_DAY=1d"}, want: lifecycleTimes{day, time.Hour}},
		"longer than a day": {environ: []string{"CARILLON_ILM_DAY=25h"}, fails: "CARILLON_ILM_DAY: \"25h\" is not in whole seconds up to a day"},
		"half a second":     {environ: []string{"CARILLON_ILM_DAY=500ms"}, fails: "is less than 1s"},
		"and a half":        {environ: []string{"CARILLON_ILM_DAY=1500ms"}, fails: "whole seconds"},
		"no span":           {environ: []string{"CARILLON_ILM_INTERVAL=often"}, fails: `CARILLON_ILM_INTERVAL: "often" is not a duration`},
		"at once":           {environ: []string{"CARILLON_ILM_INTERVAL=0"}, fails: "CARILLON_ILM_INTERVAL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, err := newEnvironment(tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			got, err := env.lifecycleTimes()
			switch {
			case tt.fails == "" && (err != nil || got != tt.want):
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			case tt.fails != "" && (!errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), tt.fails)):
				t.Errorf("error %v, want one with %q", err, tt.fails)
			}
		})
	}
}
