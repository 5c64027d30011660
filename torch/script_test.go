package torch_test

import (
	"os"
	"path/filepath"
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// saved is a TorchScript file with this forward and a state of one parameter, "scale".
func saved(t *testing.T, s *torch.Scope, source string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "module.pt")
	s.SaveScript(path, source, []torch.ScriptState{{Key: "scale", Tensor: s.FromDoubles([]float64{2, 3}, 2).To(torch.Float32)}})
	return path
}

// A module gives what its forward says: a tensor, or several, in the scope of what it was given; features where it asks for
// them by StyleGAN2-ADA's name.
func TestAScriptsForward(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		for source, want := range map[string][][]float64{
			"def forward(self, x):\n    return x * self.scale\n":                                          {{2, 6, 6, 12}},
			"def forward(self, x):\n    return x.mean(1), x.sum()\n":                                      {{1.5, 3.5}, {10}},
			"def forward(self, x, return_features: bool = False):\n    return x + int(return_features)\n": {{2, 3, 4, 5}},
		} {
			m := s.OpenScript(saved(t, s, source))
			c := s.Child()
			x := c.FromDoubles([]float64{1, 2, 3, 4}, 2, 2).To(torch.Float32)
			var got [][]float64
			for _, y := range m.Call(x) {
				assert.Same(t, c, y.Scope())
				got = append(got, y.Doubles())
			}
			assert.Equal(t, want, got)
			c.Close()
			m.Free()
		}
	})
}

// What is no module, or fails, is told of on one line.
func TestAScriptThatFails(t *testing.T) {
	torchtest.Devices(t, func(t *testing.T, s *torch.Scope) {
		whole, err := os.ReadFile(saved(t, s, "def forward(self, x):\n    return x\n"))
		require.NoError(t, err)
		half := filepath.Join(t.TempDir(), "half.pt")
		require.NoError(t, os.WriteFile(half, whole[:len(whole)/2], 0o644))
		assert.NotContains(t, torchtest.Error(t, func() { s.OpenScript(half) }).Msg, "\n")
		assert.NotContains(t, torchtest.Error(t, func() { s.OpenScript(t.TempDir()) }).Msg, "\n")
		for source, why := range map[string]string{
			"def forward(self, x):\n    return x * self.scale\n": "float32[2 3]: RuntimeError: The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1",
			"def forward(self, x):\n    return 3\n":              "float32[2 3]: forward gives a Int, and not a tensor or several",
		} {
			m := s.OpenScript(saved(t, s, source))
			assert.Equal(t, why, torchtest.Error(t, func() { m.Call(s.Ones(2, 3)) }).Msg)
			m.Free()
			assert.Contains(t, torchtest.Error(t, func() { m.Call(s.Ones(2, 3)) }).Msg, "freed before")
		}
	})
}
