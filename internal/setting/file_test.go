package setting

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type options struct {
	Batch         int
	LR            float64
	Data          string
	Deterministic bool
	Penalty       []string
	Seed          uint64
	Size          int
	Out           string
}

func (o *options) set() Set {
	return Set{
		{Name: "batch", Value: &o.Batch, Default: 64, Check: AtLeast(1), Marks: Bits},
		{Name: "lr", Value: &o.LR, Default: 2e-4, Check: Above0, Marks: Bits | Resume},
		{Name: "data", Value: &o.Data, Default: "glyphs"},
		{Name: "deterministic", Value: &o.Deterministic},
		{Name: "penalty", Value: &o.Penalty, Check: OneOf("gp=10", "r1"), Marks: Auto},
		{Name: "seed", Value: &o.Seed},
		{Name: "size", Value: &o.Size, Check: AtLeast(0), Marks: Auto},
		{Name: "out", Value: &o.Out, Marks: Once},
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func TestReadFile(t *testing.T) {
	all := new(options).set()
	lines, resolved, err := all.ReadFile(writeFile(t, "# a comment\nbatch: 32\nlr: 1e-4\ndata: mnist:a b\nresolved:\n  size: 3\n  what: ever\ndeterministic: true\npenalty: [gp=10, r1]\n"))
	require.NoError(t, err)
	assert.Equal(t, []Line{
		{"batch", []string{"32"}, 2}, {"lr", []string{"1e-4"}, 3}, {"data", []string{"mnist:a b"}, 4}, {"deterministic", []string{"true"}, 8},
		{"penalty", []string{"gp=10", "r1"}, 9},
	}, lines)
	assert.Contains(t, resolved, "size: 3")
	for want, text := range map[string]string{
		`line 2: unknown key "bacth": did you mean batch?`: "size: 3\nbacth: 3\n",
		"line 1: size: one value is wanted":                "size:\n",
		"line 1: batch: one value is wanted":               "batch: [1, 2]\n",
		"a list of `name: value` is wanted":                "- 3\n",
		"not YAML":                                         "a: [\n",
	} {
		_, _, err := all.ReadFile(writeFile(t, text))
		var usage *UsageError
		require.ErrorAs(t, err, &usage, text)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\n")
	}
	_, _, err = all.ReadFile(filepath.Join(t.TempDir(), "gone.yaml"))
	assert.ErrorContains(t, err, "no such file")
}

// What a run's file holds is what was asked, repeatable settings included, and a program that reads it has the same.
func TestAFileIsReadBack(t *testing.T) {
	o := options{Batch: 17, LR: 1e-5, Penalty: []string{"gp=10", "r1"}, Seed: 1 << 63, Out: "somewhere"}
	text, err := o.set().YAML(map[string]int{"size": 64})
	require.NoError(t, err)
	assert.NotContains(t, string(text), "somewhere")
	var again options
	lines, resolved, err := again.set().ReadFile(writeFile(t, string(text)))
	require.NoError(t, err)
	assert.Contains(t, resolved, "size: 64")
	for _, l := range lines {
		row, ok := again.set().Find(l.Name)
		require.True(t, ok)
		require.NoError(t, row.Parse(l.Values...))
	}
	o.Out = ""
	assert.Equal(t, o, again)
}

// A checkpoint's settings come back; one that this program does not know is refused by name.
func TestReadJSON(t *testing.T) {
	o := options{Batch: 17, LR: 1e-5, Penalty: []string{"gp=10"}, Seed: 3}
	text, err := json.Marshal(o.set().Map())
	require.NoError(t, err)
	again := options{Size: 5}
	require.NoError(t, again.set().ReadJSON(string(text)))
	assert.Equal(t, o, again)
	require.NoError(t, again.set().ReadJSON(`{"batch": 3, "resolved": {"x": 1}}`), "what is not there stays")
	assert.Equal(t, []any{3, 1e-5}, []any{again.Batch, again.LR})
	assert.EqualError(t, again.set().ReadJSON(`{"batch": 3, "augment": "color"}`),
		`its config sets "augment", which this program does not know: use the forger that wrote it, or a newer one`)
	assert.ErrorContains(t, again.set().ReadJSON(`{"batch": "x"}`), "its config is damaged: batch")
	assert.ErrorContains(t, again.set().ReadJSON("{"), "its config is damaged")
}

// What a run does not mention is what runs had before there was the setting.
func TestASettingThatCameLater(t *testing.T) {
	var o options
	all := append(o.set(), Row{Name: "rules", Value: new(int), Default: 2, Before: 1})
	rules, _ := all.Find("rules")
	for text, want := range map[string]int{`{}`: 1, `{"rules": 2}`: 2, `{"batch": 3}`: 1} {
		all.Reset()
		assert.Equal(t, 2, rules.Get())
		require.NoError(t, all.ReadJSON(text))
		assert.Equal(t, want, rules.Get(), text)
		assert.Equal(t, "glyphs", o.Data, "others stay")
	}
}

func TestParseAndCheck(t *testing.T) {
	var o options
	all := o.set()
	all.Reset()
	assert.Equal(t, options{Batch: 64, LR: 2e-4, Data: "glyphs"}, o)
	require.NoError(t, all.Check())
	for _, c := range []struct{ name, text, want string }{
		{"batch", "x", `"x" is not a number that fits`}, {"batch", "9999999999999999999", `"9999999999999999999" is not a number that fits`},
		{"deterministic", "maybe", `"maybe" is neither true nor false`}, {"seed", "-1", `"-1" is not a number that fits`},
	} {
		row, _ := all.Find(c.name)
		assert.EqualError(t, row.Parse(c.text), c.want)
	}
	penalty, _ := all.Find("penalty")
	require.NoError(t, penalty.Parse("gp=10", "gp"))
	assert.EqualError(t, all.Check(), `--penalty "gp": unknown: have gp=10, r1`)
	require.NoError(t, penalty.Parse("gp=10", "r1"))
	assert.NoError(t, all.Check())
	assert.Equal(t, []string{"lr"}, all.With(Resume).Names())
	assert.NotContains(t, all.without(Once).Names(), "out")
}

// An error names where the value was given.
func TestBlame(t *testing.T) {
	given := Given{"lr": "FORGER_LR", "batch": "--batch", "size": "--config c.yaml: line 3: size"}
	for wrong, want := range map[string]string{
		"--lr -1: out of range":  "FORGER_LR -1: out of range",
		"--batch 0: too small":   "--batch 0: too small",
		"--size: not given":      "--config c.yaml: line 3: size: not given",
		"--seed x: no number":    "--seed x: no number",
		"something else --lr -1": "something else --lr -1",
	} {
		err := given.Blame(Usagef("%s", wrong))
		var usage *UsageError
		require.ErrorAs(t, err, &usage)
		assert.EqualError(t, err, want)
	}
	assert.NoError(t, given.Blame(nil))
	assert.Equal(t, os.ErrClosed, given.Blame(os.ErrClosed))
}
