package s3api

import (
	"encoding/xml"
	"net/http"
	"strings"

	"github.com/carillon-s3/carillon/internal/object"
)

// maxACLBytes bounds the body of PutBucketAcl and PutObjectAcl: S3 takes 100
// grants.
const maxACLBytes = 64 << 10

const permissionAll = "FULL_CONTROL"

// Everything belongs to one owner, who alone holds grants: access control lists
// are as S3 has them where object ownership is enforced ("Controlling ownership of
// objects and disabling ACLs for your bucket"). Policies say who else may do what.

// getBucketACL answers GetBucketAcl.
func getBucketACL(h *Handler, w *response, r *request) error {
	if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
		return err
	}
	return h.answerACL(w)
}

// getObjectACL answers GetObjectAcl.
func getObjectACL(h *Handler, w *response, r *request) error {
	info, err := h.Service.Head(r.Context(), object.GetInput{Bucket: r.bucket, Key: r.key, VersionID: r.version()})
	if err != nil {
		return err
	}
	w.setVersion(info.VersionID)
	return h.answerACL(w)
}

func (h *Handler) answerACL(w *response) error {
	d := h.document()
	defer h.release(d)
	d.root("AccessControlPolicy")
	d.owner("Owner")
	d.open("AccessControlList")
	d.open("Grant")
	d.WriteString(`<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">`)
	d.text("ID", OwnerID)
	d.text("DisplayName", ownerName)
	d.close("Grantee")
	d.text("Permission", permissionAll)
	d.close("Grant")
	d.close("AccessControlList")
	d.close("AccessControlPolicy")
	return w.ok(d)
}

// putBucketACL answers PutBucketAcl, which can only say what holds already.
func putBucketACL(h *Handler, w *response, r *request) error {
	if _, err := h.Service.Bucket(r.Context(), r.bucket); err != nil {
		return err
	}
	if err := checkACL(r); err != nil {
		return err
	}
	return w.empty(http.StatusOK)
}

// putObjectACL answers PutObjectAcl, which can only say what holds already. It
// changes nothing and makes no event.
func putObjectACL(h *Handler, w *response, r *request) error {
	info, err := h.Service.Head(r.Context(), object.GetInput{Bucket: r.bucket, Key: r.key, VersionID: r.version()})
	if err != nil {
		return err
	}
	if err := checkACL(r); err != nil {
		return err
	}
	w.setVersion(info.VersionID)
	return w.empty(http.StatusOK)
}

// aclDocument is what matters of an AccessControlPolicy.
type aclDocument struct {
	XMLName xml.Name `xml:"AccessControlPolicy"`
	Grants  []struct {
		Grantee struct {
			ID    string `xml:"ID"`
			URI   string `xml:"URI"`
			Email string `xml:"EmailAddress"`
		} `xml:"Grantee"`
		Permission string `xml:"Permission"`
	} `xml:"AccessControlList>Grant"`
}

// private reports whether the owner holds every right and nobody else holds any.
// The owner may be left out by who does not know its ID.
func (a *aclDocument) private() bool {
	if len(a.Grants) != 1 {
		return false
	}
	g := &a.Grants[0]
	ours := g.Grantee.ID == OwnerID || g.Grantee.ID == ""
	return ours && g.Grantee.URI == "" && g.Grantee.Email == "" && g.Permission == permissionAll
}

// checkUploadACL looks at the access control list that an upload asks for. It has
// no effect, as with MinIO, so that programs that ask for one everywhere go on
// working: who may read is for policies. Where ownership controls were put, which
// MinIO does not have, S3's refusal is what their owner wants.
func (h *Handler) checkUploadACL(r *request) error {
	canned := r.head("X-Amz-Acl")
	asked := canned != "" && canned != "private" && canned != "bucket-owner-full-control"
	for _, right := range [...]string{"Full-Control", "Read", "Read-Acp", "Write", "Write-Acp"} {
		asked = asked || r.head("X-Amz-Grant-"+right) != ""
	}
	if !asked {
		return nil
	}
	enforced, err := h.Service.OwnerEnforced(r.Context(), r.bucket)
	if err == nil && enforced {
		err = errACLNotSupported
	}
	return err
}

// checkACL refuses a request that grants anything to anybody but the owner.
func checkACL(r *request) error {
	body, err := readDocument(r, maxACLBytes)
	if err != nil {
		return err
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Grant-") {
			return errACLNotSupported
		}
	}
	canned := r.head("X-Amz-Acl")
	switch canned {
	case "", "private", "bucket-owner-full-control":
	case "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "log-delivery-write":
		return errACLNotSupported
	default:
		return errInvalidArgument
	}
	if len(body) == 0 {
		if canned == "" {
			return errMissingSecurityHeader
		}
		return nil
	}
	var doc aclDocument
	if err := decodeXML(body, &doc); err != nil {
		return err
	}
	if !doc.private() {
		return errACLNotSupported
	}
	return nil
}
