//go:build !(turbojpeg && cgo)

package vision

// across is the horizontal pass over rows of src, stride bytes apart.
func across(dst, src []byte, stride, rows int, k *kernel, c int) {
	acrossInGo(dst, src, stride, rows, k, c)
}

// down is the vertical pass; src begins at the first row that is read.
func down(dst, src []byte, stride int, k *kernel) { downInGo(dst, src, stride, k) }
