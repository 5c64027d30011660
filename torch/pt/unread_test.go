package pt

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// besides are the files of scripts/golden_pt_unread.py.
var besides = []string{"checkpoint", "keys", "tensors", "attributes", "newer", "protocol3", "unchecked"}

// What is passed over is an error where it is asked for, and says what it is.
func TestWhatIsNotReadFailsWhereItIsRead(t *testing.T) {
	for _, c := range []struct {
		file string
		path []any
		want string
	}{
		{"checkpoint", []any{"scheduler", "milestones"}, "is a Counter, not a tensor"},
		{"checkpoint", []any{"device"}, "is a device"},
		{"checkpoint", []any{"classes"}, "is a set"},
		{"checkpoint", []any{"digest"}, "is bytes"},
		{"checkpoint", []any{"buffer"}, "is a bytearray"},
		{"checkpoint", []any{"gain"}, "is a complex number"},
		{"checkpoint", []any{"layout"}, "is a layout"},
		{"checkpoint", []any{"large", 0}, "is an int of 9 bytes"},
		{"checkpoint", []any{"large", 2}, "is an int of 17 bytes"},
		{"checkpoint", []any{"storage"}, "is a storage"},
		{"checkpoint", []any{"odd", 0}, "is torch.int3"},
		{"checkpoint", []any{"odd", 3}, "is torch.Size"},
		{"checkpoint", []any{"scheduler", "milestones", "2"}, "not there"},
		{"tensors", []any{"conj"}, "is a lazily conjugated or negated tensor, which tensor.resolve_conj().resolve_neg() makes plain"},
		{"tensors", []any{"neg"}, "is a lazily conjugated or negated tensor"},
		{"tensors", []any{"sparse"}, "is a sparse tensor, which tensor.to_dense() makes plain"},
		{"tensors", []any{"csr"}, "is a sparse tensor"},
		{"tensors", []any{"meta"}, "is a tensor on the device meta"},
		{"tensors", []any{"bits"}, "is a tensor of torch.bits8"},
		{"tensors", []any{"quantized32"}, "is a quantized tensor, which tensor.dequantize() makes plain"},
		{"tensors", []any{"nested"}, "is a nested tensor"},
	} {
		root, err := Load(testFile(c.file + ".pt"))
		require.NoError(t, err)
		_, err = At[*Tensor](root, c.path...)
		require.Error(t, err, c.want)
		assert.Contains(t, err.Error(), c.want)
	}
	root, err := Load(testFile("checkpoint.pt"))
	require.NoError(t, err)
	assert.ErrorContains(t, Write(io.Discard, root), "scheduler.milestones: a Counter: not read, and so not written: leave it out")
	root, err = Load(testFile("keys.pt"))
	require.NoError(t, err)
	assert.ErrorContains(t, Write(io.Discard, root), "None: not read, and so not written: leave it out")
	var keys []string
	for k := range root.(*Dict).All() {
		keys = append(keys, typeName(k))
	}
	assert.Equal(t, []string{"None", "a bool", "a bool", "a tuple", "a float", "an int", "an int of 9 bytes", "bytes", "a dtype", "a string", "an int"}, keys)
}

// The networks beside what is not read are there; one with a tensor that is not is named.
func TestNetworksBesideWhatIsNotRead(t *testing.T) {
	root, err := Load(testFile("checkpoint.pt"))
	require.NoError(t, err)
	state, err := StateDict(root, "net")
	require.NoError(t, err)
	assert.Equal(t, 9, state.Len())

	root, err = Load(testFile("tensors.pt"))
	require.NoError(t, err)
	state, err = StateDict(root)
	require.NoError(t, err)
	err = Match(state, []Param{{"plain", []int{2, 3}}, {"sparse", []int{2, 3}}})
	assert.ErrorContains(t, err, "1 misshapen (sparse: is a sparse tensor, which tensor.to_dense() makes plain, needs [2 3])")
	none := NewDict()
	none.Set("x", &opaque{"a set"})
	assert.False(t, isStateDict(none))
}

// The allow-list is the weights_only loader's.
func TestAllowedGlobals(t *testing.T) {
	text, err := os.ReadFile(testFile("allowed.json"))
	require.NoError(t, err)
	var names []string
	require.NoError(t, json.Unmarshal(text, &names))
	require.Greater(t, len(names), 140)
	for _, name := range names {
		assert.Contains(t, globals, name)
	}
}

// Ways to name and make such values that a file of PyTorch's takes only now and then.
func TestHandWrittenValuesThatAreNotRead(t *testing.T) {
	tensor := rebuild + storageID + "K\x00(K\x03t(K\x01t" + hooks + "tR"
	from := "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch\n"
	inner := "\n(" + storageID + "K\x00(K\x03t(K\x01t" + hooks + "tNtR."
	nested := strings.TrimSuffix(strings.TrimPrefix(from+"Tensor"+inner, "ctorch._tensor\n_rebuild_from_type_v2\n"), "R.")
	for pickle, want := range map[string]string{
		"\x8f.":                        "a set",
		"cbuiltins\nset\n]\x85R.":      "a set",
		"c__builtin__\nset\n]\x85R.":   "a set",
		"ccollections\nCounter\n)R}b.": "a Counter",
		"ccollections\nCounter\n)RX\x01\x00\x00\x00aK\x01s.":                       "a Counter",
		"ccollections\nOrderedDict\n].":                                            "a list",
		"ccollections\nOrderedDict\n.":                                             "collections.OrderedDict",
		"ccollections\nOrderedDict\n(]tR.":                                         "an OrderedDict made of items",
		"ctorch\nFloatTensor\n)R.":                                                 "a bare torch.FloatTensor",
		"ctorch.sparse\nFloatTensor\n)\x81.":                                       "a bare torch.sparse.FloatTensor",
		"ctorch.nn.parameter\nParameter\n)\x81.":                                   "a parameter without elements",
		"ctorch.nn.parameter\nParameter\n" + tensor + "\x85\x81.":                  "a tensor",
		"ctorch._utils\n_rebuild_tensor\n(" + storageID + "K\x00(K\x03t(K\x01ttR.": "a tensor",
		from + "Tensor" + inner:                                                    "a tensor",
		from + "FloatTensor" + inner:                                               "a tensor of a class of its own",
		storageID + ".":                                                            "a storage",
		"X\x01\x00\x00\x00\xff.":                                                   "a string that is not UTF-8",
		"U\x01\xff.":                                                               "a string that is not UTF-8",
	} {
		root, err := runPickle(pickle)
		require.NoError(t, err, "%q", pickle)
		assert.Equal(t, want, typeName(root), "%q", pickle)
	}
	for pickle, want := range map[string]string{
		"ctorch\nint3\n)R.":                          "refuses to call torch.int3",
		"ctorch\nint3\n)\x81.":                       "refuses to call torch.int3",
		"ctorch.nn.parameter\nParameter\nN\x85R.":    "arguments",
		"ctorch._utils\n_rebuild_tensor\n)R.":        "arguments",
		"ctorch._utils\n_rebuild_tensor\n(NNNNtR.":   "arguments",
		"ctorch._tensor\n_rebuild_from_type_v2\n)R.": "arguments",
		"ctorch._tensor\n_rebuild_from_type_v2\nq\x00(h\x00ctorch\nTensor\n" + nested + "NtR.": "arguments",
		"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nFloatStorage\nctorch\nTensor\n)NtR.":  "arguments",
	} {
		_, err := runPickle(pickle)
		require.ErrorContains(t, err, want, "%q", pickle)
	}
}

// A file without checksums is one in which no entry has one; a single one that is missing is damage.
func TestChecksumsAreAllOrNone(t *testing.T) {
	f, err := Open(testFile("unchecked.pt"))
	require.NoError(t, err)
	require.NoError(t, f.Verify())
	require.NoError(t, f.Close())
	whole, err := os.ReadFile(testFile("net.pt"))
	require.NoError(t, err)
	damaged := 0
	for at := range whole {
		if at+46 < len(whole) && string(whole[at:at+4]) == "PK\x01\x02" {
			broken := bytes.Clone(whole)
			clear(broken[at+16 : at+20])
			f, err := NewFile(bytes.NewReader(broken), int64(len(broken)))
			if err == nil {
				err = f.Verify()
			}
			if err != nil {
				require.ErrorContains(t, err, "the checksum does not match")
				damaged++
			}
		}
	}
	assert.Greater(t, damaged, 3)
}
