package admin

import "net/http"

// serviceAnswer tells what each server of the site does.
type serviceAnswer struct {
	Action  string          `json:"action"`
	DryRun  bool            `json:"dryRun"`
	Results []serviceResult `json:"results,omitempty"`
}

type serviceResult struct {
	Host string `json:"host"`
}

// service restarts or stops the process, once the answer is on its way.
func (h *Handler) service(c *call) error {
	if err := c.drain(); err != nil {
		return err
	}
	action := c.query.Get("action")
	var act func()
	switch action {
	case "restart":
		act = h.Control.Restart
	case "stop":
		act = h.Control.Stop
	case "freeze", "unfreeze":
		return errNotImplemented
	default:
		return errInvalidQuery.with("The action is neither restart nor stop.")
	}
	dryRun := c.query.Get("dry-run") == "true"
	err := c.plain(serviceAnswer{Action: action, DryRun: dryRun, Results: []serviceResult{{Host: c.r.Host}}})
	if err != nil || dryRun {
		return err
	}
	_ = http.NewResponseController(c.w).Flush() // the client may be gone; what it asked for is done all the same
	h.Logger.Info("an operator asked for it over the admin API", "action", action)
	act()
	return nil
}
