package admin

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/carillon-s3/carillon/internal/notify"
)

// infoAnswer is what `mc admin info` reads. It switches its table of drives and
// pools on by backendType Erasure, and then needs one total for each pool.
type infoAnswer struct {
	Mode          string         `json:"mode"`
	Region        string         `json:"region,omitempty"`
	SQSARN        []string       `json:"sqsARN,omitempty"`
	DeploymentID  string         `json:"deploymentID"`
	Buckets       count          `json:"buckets"`
	Objects       count          `json:"objects"`
	Versions      count          `json:"versions"`
	DeleteMarkers count          `json:"deletemarkers"`
	Usage         size           `json:"usage"`
	Services      infoServices   `json:"services"`
	Backend       infoBackend    `json:"backend"`
	Servers       []serverAnswer `json:"servers"`
}

type count struct {
	Count int64 `json:"count"`
}

type size struct {
	Size int64 `json:"size"`
}

type infoServices struct {
	KMS           struct{}                             `json:"kms"`
	LDAP          struct{}                             `json:"ldap"`
	Notifications []map[string][]map[string]targetInfo `json:"notifications,omitempty"`
}

// targetInfo is the state of one target. The client shows the status, online or
// offline; the rest is for whoever asks the API itself.
type targetInfo struct {
	Status        string     `json:"status"`
	State         string     `json:"state"`
	Backlog       int64      `json:"backlog"`
	BacklogBytes  int64      `json:"backlogBytes"`
	OldestEvent   *time.Time `json:"oldestEvent,omitempty"`
	OverLimit     bool       `json:"overLimit,omitempty"`
	Full          bool       `json:"full,omitempty"`
	Dropped       int64      `json:"dropped,omitempty"`
	Delivered     int64      `json:"delivered"`
	Failed        int64      `json:"failed"`
	Parked        int64      `json:"parked"`
	BlockedKeys   int        `json:"blockedKeys"`
	Spool         *spoolInfo `json:"spool,omitempty"`
	Inherited     *inherited `json:"inherited,omitempty"`
	LastError     string     `json:"lastError,omitempty"`
	LastErrorTime *time.Time `json:"lastErrorTime,omitempty"`
}

// inherited tells of the events that a MinIO server left in a target's
// queue_dir: how many are still to be sent, and how many files were kept aside.
type inherited struct {
	Folder    string `json:"folder"`
	Left      int64  `json:"left"`
	Aside     int64  `json:"aside"`
	LastError string `json:"lastError,omitempty"`
}

// spoolInfo is the state of a target's spool. Problem says what is wrong with
// what it holds, Unwritable why nothing is added.
type spoolInfo struct {
	Dir        string     `json:"dir"`
	Segments   int        `json:"segments"`
	Bytes      int64      `json:"bytes"`
	Problem    string     `json:"problem,omitempty"`
	Unwritable string     `json:"unwritable,omitempty"`
	Since      *time.Time `json:"since,omitempty"`
}

type infoBackend struct {
	Type             string `json:"backendType"`
	OnlineDisks      int    `json:"onlineDisks"`
	OfflineDisks     int    `json:"offlineDisks"`
	StandardParity   int    `json:"standardSCParity"`
	ReducedParity    int    `json:"rrSCParity"`
	TotalSets        []int  `json:"totalSets"`
	TotalDrivesInSet []int  `json:"totalDrivesPerSet"`
}

type serverAnswer struct {
	State          string            `json:"state"`
	Endpoint       string            `json:"endpoint"`
	Scheme         string            `json:"scheme,omitempty"`
	Uptime         int64             `json:"uptime"`
	Version        string            `json:"version"`
	CommitID       string            `json:"commitID"`
	Network        map[string]string `json:"network"`
	Drives         []driveAnswer     `json:"drives"`
	PoolNumber     int               `json:"poolNumber"`
	PoolNumbers    []int             `json:"poolNumbers"`
	MemStats       memStats          `json:"mem_stats"`
	MaxProcs       int               `json:"go_max_procs"`
	NumCPU         int               `json:"num_cpu"`
	RuntimeVersion string            `json:"runtime_version"`
}

type memStats struct {
	Alloc      uint64
	TotalAlloc uint64
	Mallocs    uint64
	Frees      uint64
	HeapAlloc  uint64
}

type driveAnswer struct {
	Endpoint   string   `json:"endpoint"`
	Path       string   `json:"path"`
	State      string   `json:"state"`
	UUID       string   `json:"uuid"`
	Total      uint64   `json:"totalspace"`
	Used       uint64   `json:"usedspace"`
	Available  uint64   `json:"availspace"`
	UsedInodes uint64   `json:"used_inodes"`
	FreeInodes uint64   `json:"free_inodes"`
	Metrics    struct{} `json:"metrics"`
	Local      bool     `json:"local"`
	PoolIndex  int      `json:"pool_index"`
	SetIndex   int      `json:"set_index"`
	DiskIndex  int      `json:"disk_index"`
}

// info answers `mc admin info`: the site, its one server, and its targets.
func (h *Handler) info(c *call) error {
	ctx := c.r.Context()
	statuses, err := h.Targets.Status(ctx)
	if err != nil {
		return err
	}
	out := infoAnswer{
		Mode: "online", Region: h.Region, DeploymentID: h.DeploymentID,
		SQSARN:  h.Targets.ARNs(h.Region),
		Backend: h.backend(),
		Servers: []serverAnswer{h.server(c.r)},
	}
	if h.Health.Readable() != nil {
		out.Mode = offline
	}
	out.Services.Notifications = notifications(statuses)
	h.addUsage(ctx, &out)
	return c.plain(out)
}

// notifications groups the targets by type, in their order.
func notifications(statuses []notify.Status) []map[string][]map[string]targetInfo {
	var groups []map[string][]map[string]targetInfo
	last := ""
	for _, s := range statuses {
		if s.Target.Type != last || len(groups) == 0 {
			groups = append(groups, make(map[string][]map[string]targetInfo))
			last = s.Target.Type
		}
		group := groups[len(groups)-1]
		group[last] = append(group[last], map[string]targetInfo{s.Target.ID: newTargetInfo(s)})
	}
	return groups
}

func newTargetInfo(s notify.Status) targetInfo {
	t := targetInfo{
		Status: offline, State: string(s.State),
		Backlog: s.Backlog.Entries, BacklogBytes: s.Backlog.Bytes, OldestEvent: timeOrNil(s.Backlog.Oldest),
		OverLimit: s.OverLimit, Full: s.Full, Dropped: s.Backlog.Dropped,
		Delivered: s.Delivered, Failed: s.Failed, Parked: s.Parked, BlockedKeys: s.BlockedKeys,
		LastError: s.LastError, LastErrorTime: timeOrNil(s.LastErrorTime),
	}
	if s.State == notify.Online {
		t.Status = "online"
	}
	if p := s.Spool; p != nil {
		t.Spool = &spoolInfo{
			Dir: p.Dir, Segments: p.Segments, Bytes: p.Bytes,
			Problem: p.Problem, Unwritable: p.Unwritable, Since: timeOrNil(p.Since),
		}
	}
	if i := s.Inherited; i.Folder != "" {
		t.Inherited = &inherited{Folder: i.Folder, Left: i.Left, Aside: i.Aside, LastError: i.LastError}
	}
	return t
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (h *Handler) backend() infoBackend {
	return infoBackend{Type: "Erasure", OnlineDisks: 1, TotalSets: []int{1}, TotalDrivesInSet: []int{1}}
}

// server describes this process. Its endpoint is the one that the client used.
func (h *Handler) server(r *http.Request) serverAnswer {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return serverAnswer{
		State: "online", Endpoint: r.Host, Scheme: scheme,
		Uptime: int64(h.Now().Sub(h.started).Seconds()), Version: h.Version, CommitID: h.Version,
		Network: map[string]string{r.Host: "online"},
		Drives:  []driveAnswer{h.drive()}, PoolNumber: 1, PoolNumbers: []int{1},
		MemStats: memStats{mem.Alloc, mem.TotalAlloc, mem.Mallocs, mem.Frees, mem.HeapAlloc},
		MaxProcs: runtime.GOMAXPROCS(0), NumCPU: runtime.NumCPU(), RuntimeVersion: strings.TrimPrefix(runtime.Version(), "devel "),
	}
}

// drive describes the disk below the folder that is served.
func (h *Handler) drive() driveAnswer {
	d := driveAnswer{Endpoint: h.Folder, Path: h.Folder, State: "ok", UUID: h.DeploymentID, Local: true}
	if space, err := diskSpace(h.Folder); err == nil {
		d.Total, d.Available, d.Used = space.total, space.available, space.total-space.free
		d.FreeInodes, d.UsedInodes = space.freeInodes, space.inodes-space.freeInodes
	}
	return d
}

// space is what a file system has, in bytes and inodes.
type space struct {
	total, free, available uint64
	inodes, freeInodes     uint64
}

// addUsage adds the counts, where there are any.
func (h *Handler) addUsage(ctx context.Context, out *infoAnswer) {
	usage, ok := h.usage(ctx)
	if !ok {
		return
	}
	out.Buckets.Count = int64(len(usage.Buckets))
	for _, b := range usage.Buckets {
		out.Objects.Count += b.Objects
		out.Versions.Count += b.Versions
		out.DeleteMarkers.Count += b.DeleteMarkers
		out.Usage.Size += b.Bytes
	}
}

func (h *Handler) usage(ctx context.Context) (Usage, bool) {
	if h.Usage == nil {
		return Usage{}, false
	}
	usage, err := h.Usage(ctx)
	if err != nil {
		h.Logger.Debug("the usage of the buckets is not known", "err", err)
		return Usage{}, false
	}
	return usage, true
}

// storageInfo answers what `mc support` asks of the drives.
func (h *Handler) storageInfo(c *call) error {
	return c.plain(struct {
		Disks   []driveAnswer
		Backend infoBackend
	}{[]driveAnswer{h.drive()}, h.backend()})
}
