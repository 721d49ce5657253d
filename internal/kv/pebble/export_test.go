package pebble

// NewerFormatRecord is the format record of a later version.
func NewerFormatRecord() string {
	data, err := Format{Version: formatVersion + 3, MinReader: formatVersion + 1, Epoch: "12ab", Ready: true}.encode()
	if err != nil {
		panic(err)
	}
	return string(data)
}
