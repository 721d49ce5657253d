package admin

import "net/http"

// Headers of the health checks that `mc ready` and `mc ping` read.
const (
	headerStatus      = "X-Minio-Server-Status"
	headerWriteQuorum = "X-Minio-Write-Quorum"
	headerReadQuorum  = "X-Minio-Read-Quorum"
	headerDefaults    = "X-Minio-Storage-Class-Defaults"
	offline           = "offline"
)

// live says that the process answers, which is all that a supervisor should
// restart it for.
func (h *Handler) live(w http.ResponseWriter, _ *http.Request) {
	if h.Health.Readable() != nil {
		w.Header().Set(headerStatus, offline)
	}
	answerEmpty(w, http.StatusOK)
}

// ready says whether requests should be sent here.
func (h *Handler) ready(w http.ResponseWriter, _ *http.Request) {
	answerHealth(w, h.Health.Readable())
}

// cluster says whether writes work.
func (h *Handler) cluster(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(headerWriteQuorum, "1")
	h.answerCluster(w, r, h.Health.Writable())
}

// clusterRead says whether reads work.
func (h *Handler) clusterRead(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(headerReadQuorum, "1")
	h.answerCluster(w, r, h.Health.Readable())
}

// answerCluster also answers whether this server could be taken down for
// maintenance: as the only one it could not.
func (h *Handler) answerCluster(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set(headerDefaults, "false")
	if err == nil && r.URL.Query().Get("maintenance") == "true" {
		answerEmpty(w, http.StatusPreconditionFailed)
		return
	}
	answerHealth(w, err)
}

func answerHealth(w http.ResponseWriter, err error) {
	if err != nil {
		w.Header().Set(headerStatus, offline)
		answerEmpty(w, http.StatusServiceUnavailable)
		return
	}
	answerEmpty(w, http.StatusOK)
}

func answerEmpty(w http.ResponseWriter, status int) {
	if status != http.StatusNoContent {
		w.Header().Set("Content-Length", "0")
	}
	w.WriteHeader(status)
}
