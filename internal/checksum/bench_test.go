package checksum_test

import "testing"

// BenchmarkHash is what each algorithm costs beside the MD5 that every body
// needs.
func BenchmarkHash(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20} {
		data := make([]byte, size)
		for _, a := range all() {
			b.Run(a.String()+"/"+map[bool]string{true: "4KiB", false: "1MiB"}[size == 4<<10], func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					digest(a, data)
				}
			})
		}
	}
}
