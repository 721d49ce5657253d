// Command bench measures Carillon beside another server of its kind and beside
// the floor, a handler that only answers. It judges nothing: it prints a table.
// See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options is what the flags say.
type options struct {
	scenarios []scenario
	servers   []string
	clients   []int
	warm      time.Duration
	length    time.Duration
	rounds    int
	keys      int
	preload   int
	backlog   int
	// undelivered is how many events wait in the memory scenario.
	undelivered int
	// targets are the beginnings of names of target rows; all rows if none.
	targets  []string
	signed   bool
	filled   string // where the folders of lists stay; removed when empty
	profiles string // where CPU profiles go; none when empty
	dir      string
	program  string // of the server under test; built when empty
	peer     string
	format   string
	limit    time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "floor" {
		return floorMain(ctx, args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.dir, err = os.MkdirTemp(o.dir, "bench"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(o.dir) }()
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	subjects, err := o.subjects(ctx)
	if err != nil {
		return err
	}
	for _, fact := range facts(o.dir) {
		fmt.Println("#", fact)
	}
	for _, sc := range o.scenarios {
		r := &runner{options: o, scenario: sc, subjects: subjects}
		err := r.rounds(ctx)
		if printed := r.print(os.Stdout); err == nil {
			err = printed
		}
		if err != nil {
			return fmt.Errorf("%s: %w", sc.name, err)
		}
	}
	return nil
}

func parse(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	names := flags.String("scenario", "put4k,get4k", "what to measure, or all:\n"+scenarioHelp())
	servers := flags.String("servers", "carillon,peer,floor,syncfloor", "which servers, in order of their turns")
	clients := flags.String("clients", "1,16,64", "numbers of clients")
	payload := flags.String("payload", "unsigned", "bodies are signed or unsigned")
	flags.DurationVar(&o.warm, "warm", time.Second, "each cell runs so long before it counts")
	seconds := flags.Float64("seconds", 4, "each cell counts for so long")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds; in each every server has two turns")
	flags.IntVar(&o.keys, "keys", 2000, "objects that GET and DELETE work on")
	flags.IntVar(&o.preload, "preload", 100_000, "objects that LIST works on")
	flags.IntVar(&o.backlog, "backlog", 5000, "events that drain and targets work on")
	targets := flags.String("targets", "", "which kinds of target, by the beginnings of their names, such as kafka,redis-access (default: all)")
	flags.IntVar(&o.undelivered, "undelivered", 100_000, "events that memory works on")
	flags.StringVar(&o.filled, "filled", "", "keep the filled folders of list here, and use those that are there (default: filled anew)")
	flags.StringVar(&o.profiles, "profile", "", "write CPU profiles of carillon to this folder, one for each cell")
	flags.StringVar(&o.dir, "dir", "", "where the servers' folders are made: the disk to measure (default: the system's temporary folder)")
	flags.StringVar(&o.program, "server", "", "the carillon program (default: built from ./cmd/carillon)")
	flags.StringVar(&o.peer, "peer", os.Getenv("CARILLON_PEER"), "the program to compare with (default: $CARILLON_PEER; left out when empty)")
	flags.StringVar(&o.format, "format", "both", "text, markdown or both")
	flags.DurationVar(&o.limit, "max", 30*time.Minute, "stop after so long and print what there is")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.length = time.Duration(*seconds * float64(time.Second))
	o.signed = *payload == "signed"
	o.servers = strings.Split(*servers, ",")
	if *targets != "" {
		o.targets = strings.Split(*targets, ",")
	}
	for _, text := range strings.Split(*clients, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-clients: %q is not a number of clients", text)
		}
		o.clients = append(o.clients, n)
	}
	for _, sc := range scenarios() {
		if *names == "all" || slices.Contains(strings.Split(*names, ","), sc.name) {
			o.scenarios = append(o.scenarios, sc)
		}
	}
	if o.profiles != "" && o.program != "" {
		return nil, errors.New("-profile needs a server of its own making: leave -server out")
	}
	if len(o.scenarios) == 0 || o.length <= 0 || o.rounds < 1 || o.keys < 1 || o.backlog < 2 || o.undelivered < 2 {
		return nil, errors.New("nothing to measure: see -help")
	}
	return o, nil
}

func scenarioHelp() string {
	var b strings.Builder
	for _, sc := range scenarios() {
		fmt.Fprintf(&b, "%-9s %s\n", sc.name, sc.help)
	}
	return b.String()
}

// subjects resolves the servers' names.
func (o *options) subjects(ctx context.Context) ([]subject, error) {
	var all []subject
	for _, name := range o.servers {
		switch name {
		case own:
			if o.program == "" {
				if err := o.build(ctx); err != nil {
					return nil, err
				}
			}
			s := s3Server(name, o.program)
			s.profiled = o.profiles != ""
			all = append(all, s)
		case base:
			if o.peer == "" {
				fmt.Println("# no peer: neither -peer nor $CARILLON_PEER is set")
				continue
			}
			s := s3Server(name, o.peer)
			s.queueDir = true
			all = append(all, s)
		case "floor":
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			all = append(all, subject{name: name, floor: true, argv: func(address, _, _ string) []string {
				return []string{self, "floor", "-address", address}
			}})
		case "syncfloor":
			self, err := os.Executable()
			if err != nil {
				return nil, err
			}
			all = append(all, subject{name: name, floor: true, syncs: true, argv: func(address, _, dir string) []string {
				return []string{self, "floor", "-address", address, "-sync", dir}
			}})
		default:
			return nil, fmt.Errorf("-servers: %q is none of carillon, %s, floor, syncfloor", name, base)
		}
	}
	return all, nil
}

// build builds the server of the module that is the working directory.
func (o *options) build(ctx context.Context) error {
	o.program = filepath.Join(o.dir, "carillon")
	args := []string{"build", "-o", o.program}
	if o.profiles != "" {
		name, err := overlay(o.dir)
		if err != nil {
			return err
		}
		args = append(args, "-overlay", name)
	}
	build := exec.CommandContext(ctx, "go", append(args, "./cmd/carillon")...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the server (in the module's root): %w\n%s", err, out)
	}
	return nil
}
