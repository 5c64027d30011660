//go:build turbojpeg && cgo

package vision

// across is the horizontal pass over rows of src, stride bytes apart, in C where that is built in.
func across(dst, src []byte, stride, rows int, k *kernel, c int) {
	switch {
	case rows == 0 || k.span.count == 0:
	case k.span.identity(): // a copy
		acrossInGo(dst, src, stride, rows, k, c)
	default:
		acrossInC(dst, src, stride, rows, k, c)
	}
}

// down is the vertical pass; src begins at the first row that is read.
func down(dst, src []byte, stride int, k *kernel) {
	if k.span.count > 0 && stride > 0 {
		downInC(dst, src, stride, k)
	}
}
