package brokertest

import "testing"

// TestPorts: nothing listens where the system takes outgoing ports from.
func TestPorts(t *testing.T) {
	for _, c := range []struct {
		name, outgoing string
		first, last    int
	}{
		{"as Linux has it", "32768\t60999\n", firstPort, lastPort},
		{"a low beginning", "16000\t65535\n", firstPort, 15999},
		{"the lowest beginning", "1024\t60000\n", 60001, 65535},
		{"only room at the bottom", "10240\t65535\n", 1024, 10239},
		{"no room", "1024\t65535\n", firstPort, lastPort},
		{"another system", "", firstPort, lastPort},
	} {
		t.Run(c.name, func(t *testing.T) {
			if first, last := ports(c.outgoing); first != c.first || last != c.last {
				t.Errorf("%d to %d, want %d to %d", first, last, c.first, c.last)
			}
		})
	}
}
