package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tables beside gotorch.h are those that it makes; otherwise run `go generate ./torch`.
func TestTheTablesAreFresh(t *testing.T) {
	header, err := os.ReadFile(filepath.Join("..", "..", "gotorch.h"))
	require.NoError(t, err)
	fns, err := parse(string(header))
	require.NoError(t, err)
	for name, want := range map[string][]byte{"table.c": tableC(fns), "table.go": tableGo(fns)} {
		have, err := os.ReadFile(filepath.Join("..", "..", name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(have), "%s is stale: run `go generate ./torch`", name)
	}
}

func TestParse(t *testing.T) {
	fns, err := parse("#ifndef GT_API\n#define GT_API\n#endif\n/* GT_API is a word */\nGT_API gt_x *gt_a(gt_x *s, const int64_t *at,\n  int n); /* said */\nGT_API int gt_b(void);\n")
	require.NoError(t, err)
	assert.Equal(t, []function{
		{"gt_x *", "gt_a", "gt_x *s, const int64_t *at, int n", "s, at, n"},
		{"int", "gt_b", "void", ""},
	}, fns)
	_, err = parse("#ifndef GT_API\n#define GT_API\n#endif\nGT_API int broken\n")
	assert.ErrorContains(t, err, "1 lines with GT_API, but 0 declarations understood")
}
