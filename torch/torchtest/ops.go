package torchtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"forger/torch"

	"github.com/stretchr/testify/require"
)

// Ops counts the operations of libtorch's that body has it run, by their names ("aten::add_"), those that others call
// included.
func Ops(t testing.TB, s *torch.Scope, body func()) map[string]int {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.json")
	s.StartTrace()
	body()
	s.StopTrace(path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var trace struct{ TraceEvents []struct{ Name, Cat string } }
	require.NoError(t, json.Unmarshal(text, &trace))
	ops := map[string]int{}
	for _, e := range trace.TraceEvents {
		if e.Cat == "cpu_op" {
			ops[e.Name]++
		}
	}
	return ops
}
