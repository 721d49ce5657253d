package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// targetMetrics are the metrics of targets whose values are asked for. Those
// named minio_ have the names, types and labels of MinIO's versions 2 and 3, so
// that dashboards and alerts go on; what they count is honest: sent means
// acknowledged.
type targetMetrics struct {
	delivered, failed, retries, parked, dropped, refused, sendErrors, sending asked

	state, events, bytes, oldest, overLimit, full, gaps, parkedNow, blocked asked
	spoolTrouble, inherited, aside                                          asked
	outboxEvents, outboxBytes                                               asked

	// With the names of version 2.
	v2Sending, v2Skipped, v2Errors, v2Sent            asked
	v2Total, v2Failed, v2TargetSending, v2QueueLength asked
	// With those of version 3.
	v3Sending, v3Errors, v3Sent, v3Skipped asked
}

func declareTargets(d *declarations) *targetMetrics {
	one := func(kind Kind, name, help string, labels ...string) asked {
		return d.asked(Delivery, kind, name, help, append([]string{labelTargetID, labelTargetName}, labels...)...)
	}
	all := func(kind Kind, name, help string) asked { return d.asked(Delivery, kind, name, help) }
	return &targetMetrics{
		delivered: one(Counter, "carillon_target_events_delivered_total", "Events acknowledged by the target."),
		failed:    one(Counter, "carillon_target_events_failed_total", "Attempts on an event that failed; each is tried again or parked."),
		retries:   one(Counter, "carillon_target_events_retried_total", "Attempts on an event beyond its first."),
		parked:    one(Counter, "carillon_target_events_parked_total", "Events that were set aside because the target refused them for good."),
		dropped:   one(Counter, "carillon_target_events_dropped_total", "Events that were dropped because the target's backlog was at its limit."),
		refused:   one(Counter, "carillon_target_writes_refused_total", "Writes that were refused because the target's backlog was at its limit (`queue_full=refuse`)."),

		sendErrors: one(Counter, "carillon_target_send_errors_total", "Sends that gave an error, be it for some of their events."),
		sending:    one(Gauge, "carillon_target_sends_inflight", "Sends under way."),

		state:     one(Gauge, "carillon_target_state", "1 for the state that the target is in, 0 for the others; it is what is known without asking the target.", "state"),
		events:    one(Gauge, "carillon_target_backlog_events", "Events that wait in the outbox for the target."),
		bytes:     one(Gauge, "carillon_target_backlog_bytes", "Stored bytes of the events that wait."),
		oldest:    one(Gauge, "carillon_target_oldest_event_age_seconds", "Age of the oldest event that waits; 0 if none does."),
		overLimit: one(Gauge, "carillon_target_backlog_over_limit", "1 while the backlog is at its limit, or above 100,000 events where none is set."),
		full:      one(Gauge, "carillon_target_backlog_full", "1 while the backlog is at its limit: the newest events are dropped, or writes refused, as `queue_full` says."),
		gaps:      one(Gauge, "carillon_target_gap_events", "Events that were dropped and are listed as gaps, also by former processes."),
		parkedNow: one(Gauge, "carillon_target_parked_events", "Events that are parked: out of the way, kept for an operator."),
		blocked:   one(Gauge, "carillon_target_blocked_keys", "Object keys whose events wait on their own, because one of them keeps failing while others pass."),

		spoolTrouble: one(Gauge, "carillon_target_spool_trouble", "1 while something is wrong with the target's `queue_dir`: it lost events, which are listed, or cannot be written."),
		inherited:    one(Gauge, "carillon_target_inherited_events", "Events that a MinIO server left in the target's `queue_dir` and that are still to be sent."),
		aside:        one(Gauge, "carillon_target_inherited_files_aside", "Files that a MinIO server left in the target's `queue_dir` and that cannot be sent; they are kept aside."),

		outboxEvents: all(Gauge, "carillon_outbox_events", "Events that wait in the outbox, for all targets together."),
		outboxBytes:  all(Gauge, "carillon_outbox_bytes", "Stored bytes of those events."),

		v2Sending: all(Gauge, "minio_notify_current_send_in_progress", "Sends under way, to all targets."),
		v2Skipped: all(Counter, "minio_notify_events_skipped_total", "Events that were dropped, of all targets."),
		v2Errors:  all(Counter, "minio_notify_events_errors_total", "Attempts on an event that failed, of all targets."),
		v2Sent:    all(Counter, "minio_notify_events_sent_total", "Events acknowledged, by all targets."),

		v2Total:         one(Counter, "minio_notify_target_total_events", "Attempts on an event: acknowledged and failed."),
		v2Failed:        one(Counter, "minio_notify_target_failed_events", "Attempts on an event that failed."),
		v2TargetSending: one(Gauge, "minio_notify_target_current_send_in_progress", "Sends under way."),
		v2QueueLength:   one(Gauge, "minio_notify_target_queue_length", "Events that wait in the outbox for the target."),

		v3Sending: all(Gauge, "minio_notification_current_send_in_progress", "Sends under way, to all targets."),
		v3Errors:  all(Counter, "minio_notification_events_errors_total", "Attempts on an event that failed, of all targets."),
		v3Sent:    all(Counter, "minio_notification_events_sent_total", "Events acknowledged, by all targets."),
		v3Skipped: all(Counter, "minio_notification_events_skipped_total", "Events that were dropped, of all targets."),
	}
}

func (m *targetMetrics) sendStates(scrape chan<- prometheus.Metric, states []TargetState, now time.Time) {
	var events, bytes int64
	for _, s := range states {
		events, bytes = events+s.Events, bytes+s.Bytes
		for _, state := range States() {
			m.state.send(scrape, oneIf(state == s.State), s.ID, s.Name, state)
		}
		m.events.send(scrape, float64(s.Events), s.ID, s.Name)
		m.v2QueueLength.send(scrape, float64(s.Events), s.ID, s.Name)
		m.bytes.send(scrape, float64(s.Bytes), s.ID, s.Name)
		m.oldest.send(scrape, age(s.Oldest, now), s.ID, s.Name)
		m.overLimit.send(scrape, oneIf(s.OverLimit), s.ID, s.Name)
		m.full.send(scrape, oneIf(s.Full), s.ID, s.Name)
		m.gaps.send(scrape, float64(s.Dropped), s.ID, s.Name)
		m.parkedNow.send(scrape, float64(s.Parked), s.ID, s.Name)
		m.blocked.send(scrape, float64(s.BlockedKeys), s.ID, s.Name)
		m.spoolTrouble.send(scrape, oneIf(s.SpoolTrouble), s.ID, s.Name)
		m.inherited.send(scrape, float64(s.Inherited), s.ID, s.Name)
		m.aside.send(scrape, float64(s.Aside), s.ID, s.Name)
	}
	m.outboxEvents.send(scrape, float64(events))
	m.outboxBytes.send(scrape, float64(bytes))
}

func (m *targetMetrics) sendCounts(scrape chan<- prometheus.Metric, targets []countedTarget) {
	var delivered, failed, dropped, sending float64
	for _, t := range targets {
		one := func(a asked, value float64) { a.send(scrape, value, t.id, t.targetKey.name) }
		d, f, s := float64(t.delivered.Load()), float64(t.failed.Load()), float64(t.sending.Load())
		delivered, failed, sending = delivered+d, failed+f, sending+s
		dropped += float64(t.dropped.Load())
		one(m.delivered, d)
		one(m.failed, f)
		one(m.retries, float64(t.retried.Load()))
		one(m.parked, float64(t.parked.Load()))
		one(m.dropped, float64(t.dropped.Load()))
		one(m.refused, float64(t.refused.Load()))
		one(m.sendErrors, float64(t.sendErrors.Load()))
		one(m.sending, s)
		one(m.v2Total, d+f)
		one(m.v2Failed, f)
		one(m.v2TargetSending, s)
	}
	m.v2Sending.send(scrape, sending)
	m.v3Sending.send(scrape, sending)
	m.v2Sent.send(scrape, delivered)
	m.v3Sent.send(scrape, delivered)
	m.v2Errors.send(scrape, failed)
	m.v3Errors.send(scrape, failed)
	m.v2Skipped.send(scrape, dropped)
	m.v3Skipped.send(scrape, dropped)
}

// age is how long before now, in seconds; 0 for the zero time.
func age(t, now time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(now.Sub(t), 0).Seconds()
}
