package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/carillon-s3/carillon/internal/config"
)

const (
	// headerApplied, with exactly this value, keeps the client from asking for a
	// restart.
	headerApplied = "X-Minio-Config-Applied"
	appliedTrue   = "true"
	// checkPatience is how long `config set` waits to hear whether the targets
	// that it changed can be reached.
	checkPatience = 2 * time.Second
)

func (h *Handler) helpConfig(c *call) error {
	help, err := h.Settings.Registry().Help(c.query.Get("subSys"), c.query.Get("key"), c.query.Has("env"))
	if err != nil {
		return settingsError(err)
	}
	return c.plain(help)
}

func (h *Handler) getConfig(c *call) error {
	text, err := h.Settings.Render(c.query.Get("key"))
	if err != nil {
		return settingsError(err)
	}
	return h.sealed(c, []byte(text))
}

func (h *Handler) setConfig(c *call) error {
	text, err := h.openBody(c)
	if err != nil {
		return err
	}
	changed, err := h.Settings.Set(c.r.Context(), text)
	if err != nil {
		return settingsError(err)
	}
	h.checkTargets(c.r.Context(), changed)
	c.applied()
	return nil
}

func (h *Handler) resetConfig(c *call) error {
	text, err := h.openBody(c)
	if err != nil {
		return err
	}
	if _, err := h.Settings.Reset(c.r.Context(), text); err != nil {
		return settingsError(err)
	}
	c.applied()
	return nil
}

func (h *Handler) exportConfig(c *call) error {
	return h.sealed(c, []byte(h.Settings.Export()))
}

func (h *Handler) importConfig(c *call) error {
	text, err := h.openBody(c)
	if err != nil {
		return err
	}
	changed, skipped, err := h.Settings.Import(c.r.Context(), text)
	if err != nil {
		return settingsError(err)
	}
	if len(skipped) > 0 {
		h.Logger.Warn("an import held settings that this server does not have; they were skipped", "skipped", skipped)
	}
	h.checkTargets(c.r.Context(), changed)
	c.applied()
	return nil
}

// historyEntry is the JSON of a text that was set.
type historyEntry struct {
	ID   string    `json:"restoreId"`
	Time time.Time `json:"createTime"`
	Text string    `json:"data"`
}

func (h *Handler) listHistory(c *call) error {
	count, err := strconv.Atoi(c.query.Get("count"))
	if err != nil || count < 0 {
		return errInvalidQuery
	}
	list, err := h.Settings.History(c.r.Context(), count)
	if err != nil {
		return err
	}
	entries := make([]historyEntry, len(list))
	for i, e := range list {
		entries[i] = historyEntry{ID: e.ID, Time: e.Time, Text: e.Text}
	}
	body, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return h.sealed(c, body)
}

func (h *Handler) clearHistory(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	if err := h.Settings.ClearHistory(c.r.Context(), c.query.Get("restoreId")); err != nil {
		return settingsError(err)
	}
	answerEmpty(c.w, http.StatusOK)
	return nil
}

func (h *Handler) restoreHistory(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	changed, err := h.Settings.Restore(c.r.Context(), c.query.Get("restoreId"))
	if err != nil {
		return settingsError(err)
	}
	h.checkTargets(c.r.Context(), changed)
	c.applied()
	return nil
}

// applied answers that a change is stored and in force.
func (c *call) applied() {
	c.w.Header().Set(headerApplied, appliedTrue)
	answerEmpty(c.w, http.StatusOK)
}

// checkTargets tests the connections to the targets that a change made, all at
// once. The outcome goes to the log, and admin info shows it: a target that is
// down is no reason to refuse its settings.
func (h *Handler) checkTargets(ctx context.Context, changed []config.Instance) {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	var checks sync.WaitGroup
	defer checks.Wait()
	for _, i := range changed {
		if !i.Enabled || i.Removed || i.Err != nil || h.TargetID == nil {
			continue
		}
		id, ok := h.TargetID(i)
		if !ok {
			continue
		}
		checks.Go(func() {
			if err := h.Targets.Check(ctx, id); err != nil {
				h.Logger.Warn("the settings of a target were stored, but it cannot be reached now; its events wait", "target", id.String(), "err", err)
				return
			}
			h.Logger.Info("a target was configured and can be reached", "target", id.String())
		})
	}
}
