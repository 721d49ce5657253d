package main

import "strings"

// drainedRow is what the visits saw of one kind of target.
type drainedRow struct {
	rate, server, broker     []float64 // events per second; nanoseconds per event
	serverCores, brokerCores []float64
	idle                     []float64 // MiB
	peaks                    [quarters][]float64
	remarks                  []string
}

func (r *drainedRow) add(s sample) {
	if s.remark != "" {
		r.remarks = append(r.remarks, s.remark)
	}
	d := s.drain
	if d.events == 0 {
		return
	}
	r.rate = append(r.rate, s.rate)
	r.server = append(r.server, float64(d.server)/float64(d.events))
	r.broker = append(r.broker, float64(d.broker)/float64(d.events))
	r.serverCores = append(r.serverCores, d.server.Seconds()/d.took.Seconds())
	r.brokerCores = append(r.brokerCores, d.broker.Seconds()/d.took.Seconds())
	r.idle = append(r.idle, float64(d.idle)/mebi)
	for q, peak := range d.peaks {
		if peak > 0 { // a drain that is over between two looks has no other quarters
			r.peaks[q] = append(r.peaks[q], float64(peak)/mebi)
		}
	}
}

// quarters are the medians of the peaks, a dash for a quarter that nobody saw.
func (r *drainedRow) quarters() string {
	var out []string
	for _, peaks := range r.peaks {
		if len(peaks) == 0 {
			out = append(out, "-")
			continue
		}
		out = append(out, number(spreadOf(peaks).median))
	}
	return strings.Join(out, " ")
}

// drainTable makes the report of drains: a row per kind, with what the server and
// the broker used. Cores are processor time by the drain's duration: where they
// are below those of the machine, it waited, for the disk, the network or others.
func drainTable(visits []visit) [][]string {
	rows := [][]string{{
		"target", "events/s", "min..max", "server cpu/event", "broker cpu/event",
		"server cores", "broker cores", "idle MiB", "peak MiB by quarter", "remarks",
	}}
	cells, _ := namesOf(visits)
	for _, cell := range cells {
		var r drainedRow
		for _, v := range visits {
			for _, s := range v.samples {
				if s.cell == cell {
					r.add(s)
				}
			}
		}
		if len(r.rate) == 0 {
			rows = append(rows, []string{cell, "-", "-", "-", "-", "-", "-", "-", "-", remarksOf(r.remarks)})
			continue
		}
		rate := spreadOf(r.rate)
		rows = append(rows, []string{
			cell, number(rate.median), number(rate.min) + ".." + number(rate.max),
			duration(spreadOf(r.server).median), duration(spreadOf(r.broker).median),
			ratio(spreadOf(r.serverCores).median), ratio(spreadOf(r.brokerCores).median),
			number(spreadOf(r.idle).median), r.quarters(), remarksOf(r.remarks),
		})
	}
	return rows
}
