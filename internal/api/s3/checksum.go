package s3api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/carillon-s3/carillon/internal/checksum"
	"github.com/carillon-s3/carillon/internal/object"
)

const (
	headerChecksumAlgorithm = "X-Amz-Checksum-Algorithm"
	headerChecksumType      = "X-Amz-Checksum-Type"
	headerChecksumMode      = "X-Amz-Checksum-Mode"
	headerObjectSize        = "X-Amz-Mp-Object-Size"

	// defaultChecksum is what an object gets whose client sends and asks for no
	// checksum, as in Amazon S3 ("Checking object integrity").
	defaultChecksum = checksum.CRC64NVME
)

// askedAlgorithm reads x-amz-checksum-algorithm; 0 if it is not there.
func (r *request) askedAlgorithm() (checksum.Algorithm, error) {
	name := r.head(headerChecksumAlgorithm)
	if name == "" {
		return 0, nil
	}
	algorithm, ok := checksum.Parse(name)
	if !ok {
		return 0, errInvalidRequest.says("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [" + checksum.Names() + "]")
	}
	return algorithm, nil
}

// sentChecksum is the checksum that came with the body.
func (r *request) sentChecksum() object.BodyChecksum {
	algorithm := r.body.ChecksumAlgorithm()
	if algorithm == 0 {
		return object.BodyChecksum{}
	}
	return object.BodyChecksum{Algorithm: algorithm, Verified: r.body.Checksum}
}

// bodyChecksum is the checksum to keep with an object: the one that came with
// it, or else the one asked for or S3's default, to be computed.
func (r *request) bodyChecksum() (object.BodyChecksum, error) {
	if sent := r.sentChecksum(); sent.Algorithm != 0 {
		return sent, nil
	}
	algorithm, err := r.askedAlgorithm()
	if algorithm == 0 {
		algorithm = defaultChecksum
	}
	return object.BodyChecksum{Algorithm: algorithm}, err
}

// uploadChecksum reads the checksum that an upload in parts is to have
// ("CreateMultipartUpload").
func (r *request) uploadChecksum() (object.UploadChecksum, error) {
	var c object.UploadChecksum
	algorithm, err := r.askedAlgorithm()
	if err != nil {
		return c, err
	}
	kind, err := r.askedType()
	if err != nil {
		return c, err
	}
	if algorithm == 0 {
		if kind != 0 {
			return c, errInvalidRequest.says("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return object.UploadChecksum{Algorithm: defaultChecksum, Type: defaultChecksum.DefaultType(), Implied: true}, nil
	}
	if kind == 0 {
		kind = algorithm.DefaultType()
	}
	if !algorithm.Allows(kind) {
		return c, errInvalidRequest.says("The " + kind.String() + " checksum type cannot be used with the " + strings.ToLower(algorithm.String()) + " checksum algorithm.")
	}
	return object.UploadChecksum{Algorithm: algorithm, Type: kind}, nil
}

// askedType reads x-amz-checksum-type; 0 if it is not there.
func (r *request) askedType() (checksum.Type, error) {
	name := r.head(headerChecksumType)
	if name == "" {
		return 0, nil
	}
	kind, ok := checksum.ParseType(name)
	if !ok {
		return 0, errInvalidRequest.says("Value for x-amz-checksum-type header is invalid.")
	}
	return kind, nil
}

// objectChecksum reads the checksum that a completion says the object has; nil
// if it says nothing.
func (r *request) objectChecksum() (*checksum.Sum, error) {
	var sum *checksum.Sum
	for name, values := range r.Header {
		algorithm, ok := checksum.ByHeader(name)
		if !ok {
			continue
		}
		if sum != nil || len(values) != 1 {
			return nil, errInvalidRequest.says("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		var err error
		if sum, err = algorithm.DecodeSum(values[0]); err != nil {
			return nil, errInvalidRequest.says("Value for " + strings.ToLower(name) + " header is invalid.")
		}
	}
	return sum, nil
}

// objectSize reads the size that a completion says the object has.
func (r *request) objectSize() (size int64, known bool, err error) {
	value := r.head(headerObjectSize)
	if value == "" {
		return 0, false, nil
	}
	size, err = strconv.ParseInt(value, 10, 64)
	if err != nil || size < 0 {
		return 0, false, errInvalidRequest.says("Value for x-amz-mp-object-size header is invalid.")
	}
	return size, true, nil
}

// setChecksum answers with a checksum that may be nil.
func (w *response) setChecksum(sum *checksum.Sum) {
	if sum != nil {
		w.set(sum.Algorithm.Header(), sum.Text())
	}
}

// readChecksum sets the checksum headers of a GET or HEAD that asks for them:
// that of the bytes it answers with, so that none fits a range ("GetObject",
// "Checking object integrity").
func readChecksum(header http.Header, r *request, part byteRange, info object.Info) {
	if !strings.EqualFold(r.head(headerChecksumMode), "ENABLED") || info.Checksum == nil {
		return
	}
	sum := info.Checksum
	if info.Part != nil {
		sum = info.Part.Checksum
	} else if part.offset != 0 || part.length != info.Size || r.head("Range") != "" {
		return
	}
	if sum == nil {
		return
	}
	header[sum.Algorithm.Header()] = []string{sum.Text()}
	header[headerChecksumType] = []string{info.Checksum.Type().String()}
}

// checksum writes the element of a checksum that may be nil.
func (d *document) checksum(sum *checksum.Sum) {
	if sum != nil {
		d.text(sum.Algorithm.Element(), sum.Text())
	}
}

// checksumOfObject is checksum with its type after it.
func (d *document) checksumOfObject(sum *checksum.Sum) {
	if sum != nil {
		d.checksum(sum)
		d.text("ChecksumType", sum.Type().String())
	}
}
