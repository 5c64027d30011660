package torch_test

import (
	"testing"

	"forger/torch"
	"forger/torch/torchtest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// set sets the switches, and returns how they stood.
func set(t *testing.T, m torch.Math) torch.Math {
	t.Helper()
	before, err := torch.SetMath(m)
	require.NoError(t, err)
	return before
}

// A test's float32 is float32, also after one that left it otherwise, and so is that of the PyTorch it compares with.
func TestTestsComputeExactly(t *testing.T) {
	set(t, torch.Math{TF32: true, Deterministic: true, Autotune: true})
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		assert.Equal(t, torch.Math{}, set(t, torch.Math{TF32: true}))
		assert.Equal(t, torch.Math{TF32: true}, set(t, torch.Math{}))
	})
	var override string
	torchtest.JSON(t, &override, "sh", "-c", `echo "\"$NVIDIA_TF32_OVERRIDE\""`)
	assert.Equal(t, "0", override)
}

// Deterministic kernels are no reason to fill every new tensor with NaN, a kernel each.
func TestDeterminismFillsNothing(t *testing.T) {
	torchtest.CPU(t, func(t *testing.T, s *torch.Scope) {
		set(t, torch.Math{Deterministic: true})
		ops := torchtest.Ops(t, s, func() { s.Randn(s.NewGenerator(1), 8).Exp() })
		assert.NotZero(t, ops["aten::empty"])
		assert.Zero(t, ops["aten::fill_"])
	})
}
