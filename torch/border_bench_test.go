package torch_test

import (
	"testing"

	"forger/torch"

	"github.com/stretchr/testify/require"
)

// BenchmarkAdd is the cost of a small op from Go: two tensors of four elements, the result in a scope that is closed
// every thousand ops. gotorch-bench (CMake target) is the same in C++ without the border.
func BenchmarkAdd(b *testing.B) {
	root, err := torch.NewScope(torch.NoGrad)
	require.NoError(b, err)
	defer root.Close()
	x, y := root.Ones(4), root.Ones(4)
	root.Seal()
	s := root.Child()
	u := s.Use(x)
	n := 0
	for b.Loop() {
		if n++; n == 1000 {
			s.Close()
			s = root.Child()
			u, n = s.Use(x), 0
		}
		u.Add(y)
	}
	s.Close()
}
