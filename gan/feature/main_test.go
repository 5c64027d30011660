package feature

import (
	"testing"

	"forger/torch/torchtest"
)

func TestMain(m *testing.M) { torchtest.Main(m) }
