package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// base is the server that the others are compared with.
const base = "peer"

// own is the server that this project makes.
const own = "carillon"

// table makes the report of one scenario: a row per cell and server.
func table(visits []visit) [][]string {
	rows := [][]string{{"cell", "server", "rate", "min..max", "unit", "p50", "p99", "cpu/op", "x " + base, "min..max", "% of floor", "% of syncfloor", "remarks"}}
	cells, servers := namesOf(visits)
	for _, cell := range cells {
		for _, server := range servers {
			if row := tableRow(visits, cell, server); row != nil {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func tableRow(visits []visit, cell, server string) []string {
	var rate []float64
	var p50, p99, cpu []float64
	var unit string
	var remarks []string
	for _, v := range visits {
		for _, s := range v.samples {
			if v.server != server || s.cell != cell {
				continue
			}
			unit, rate = s.unit, append(rate, s.rate)
			p50, p99, cpu = append(p50, float64(s.p50)), append(p99, float64(s.p99)), append(cpu, float64(s.cpu))
			if s.remark != "" {
				remarks = append(remarks, s.remark)
			}
		}
	}
	if len(rate) == 0 {
		return nil
	}
	r := spreadOf(rate)
	row := []string{
		cell, server, number(r.median), number(r.min) + ".." + number(r.max), unit,
		duration(spreadOf(p50).median), duration(spreadOf(p99).median), duration(spreadOf(cpu).median),
	}
	beside := spread{}
	if server != base {
		beside = ratios(visits, cell, server, base)
	}
	row = append(row, ratio(beside.median), ratio(beside.min)+".."+ratio(beside.max))
	row = append(row, share(visits, cell, server, "floor"), share(visits, cell, server, "syncfloor"))
	return append(row, remarksOf(remarks))
}

// share is what server reached of what a floor did, in per cent.
func share(visits []visit, cell, server, floor string) string {
	f := ratios(visits, cell, server, floor).median
	if server == floor || !(f > 0) { // also NaN
		return "-"
	}
	return fmt.Sprintf("%.0f", 100*f)
}

// namesOf lists cells and servers in the order they came.
func namesOf(visits []visit) (cells, servers []string) {
	for _, v := range visits {
		if !slices.Contains(servers, v.server) {
			servers = append(servers, v.server)
		}
		for _, s := range v.samples {
			if !slices.Contains(cells, s.cell) {
				cells = append(cells, s.cell)
			}
		}
	}
	return cells, servers
}

// remarksOf keeps the first remark and counts the others.
func remarksOf(remarks []string) string {
	if len(remarks) < 2 {
		return strings.Join(remarks, "")
	}
	return fmt.Sprintf("%s (and %d more)", remarks[0], len(remarks)-1)
}

func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func ratio(v float64) string {
	if !(v > 0) { // also NaN
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}

func duration(ns float64) string {
	d := time.Duration(ns)
	if d == 0 {
		return "-"
	}
	return d.Round(cmp.Or(d.Truncate(time.Second)/1000, time.Microsecond)).String()
}

// writeText writes the rows in columns.
func writeText(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// writeMarkdown writes the rows as a Markdown table.
func writeMarkdown(w io.Writer, rows [][]string) error {
	for i, row := range rows {
		line := "| " + strings.Join(row, " | ") + " |\n"
		if i == 0 {
			line += strings.Repeat("|---", len(row)) + "|\n"
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}
