package pt

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tinyArchive has one storage of 16 bytes, data/0.
func tinyArchive() *archive {
	e := &entry{name: "data/0", size: 16}
	return &archive{r: bytes.NewReader(make([]byte, 16)), size: 1024, entries: map[string]*entry{"data/0": e}}
}

func runPickle(pickle string) (any, error) {
	return newMachine([]byte(pickle), tinyArchive()).run()
}

// Pickle fragments, as pickletools shows them.
const (
	storageID = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
	rebuild   = "ctorch._utils\n_rebuild_tensor_v2\n("
	hooks     = "\x89ccollections\nOrderedDict\n)R"
)

func TestHandWrittenTensor(t *testing.T) {
	root, err := runPickle("\x80\x02" + rebuild + storageID + "K\x01(K\x03t(K\x01t" + hooks + "tR.")
	require.NoError(t, err)
	assert.Equal(t, []int{3}, root.(*Tensor).Shape)
	// Python 2 wrote byte strings, PyTorch 2.x may add empty metadata.
	root, err = runPickle("\x80\x02" + rebuild + storageID + "K\x01(K\x03t(K\x01t" + hooks + "}tR.")
	require.NoError(t, err)
	assert.Equal(t, 12, root.(*Tensor).NumBytes())
	root, err = runPickle("\x80\x02U\x03abc.")
	require.NoError(t, err)
	assert.Equal(t, "abc", root)
}

// Every way a pickle can ask for more than values ends in a refusal that says what it asked for.
func TestHostilePickles(t *testing.T) {
	tensor := func(args string) string { return rebuild + storageID + args + hooks + "tR." }
	for pickle, want := range map[string]string{
		"cos\nsystem\n(X\x02\x00\x00\x00lstR.":    "refuses to run os.system: ",
		"c__builtin__\neval\n.":                   "refuses to run __builtin__.eval",
		"c\x1b[31m\nx y\n.":                       `refuses to run "\x1b[31m.x y"`,
		"ctorch\nload\n.":                         "refuses to run torch.load",
		"c" + strings.Repeat("a", 500) + "\nb\n.": "aaa...: ",
		"ctorch\nFloatStorage\n)R.":               "refuses to call torch.FloatStorage",
		"ccollections\nOrderedDict\nK\x01R.":      "refuses to call collections.OrderedDict with an int",
		"K\x01)R.":                                "refuses to call an int",
		"}}b.":                                    "refuses to build a dict",
		"K\x01}b.":                                "refuses to build an int",
		"ccollections\nOrderedDict\n)RK\x01b.":    "from an int",
		"ctorch\nSize\n)R.":                       "arguments",
		"X\x05\x00\x00\x00otherQ.":                "persistent id",
		"(X\x07\x00\x00\x00storageK\x01X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ.":                                   "a storage of an int",
		"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x001X\x03\x00\x00\x00cpuK\x04tQ.":                  "storage data/1 is missing",
		"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x05tQ.":                  "has 16 bytes, not 5",
		storageID + "0(X\x07\x00\x00\x00storagectorch\nIntStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ.":       "opcode 0x30",
		"(" + storageID + "(X\x07\x00\x00\x00storagectorch\nIntStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQt.": "is float32 and int32",
		tensor("K\x01(K\x04t(K\x01t"):                                                      "beyond the end",
		tensor("K\x00(J\xff\xff\xff\xfft(K\x01t"):                                          "negative dimension",
		tensor("K\x00(K\x01t(J\xff\xff\xff\xfft"):                                          "negative stride",
		tensor("K\x00(K\x01K\x01t(K\x01t"):                                                 "arguments",
		tensor("K\x00(Nt(K\x01t"):                                                          "arguments",
		tensor("K\x00(J\xff\xff\xff\x7ft(K\x00t"):                                          "far more memory than the file",
		rebuild + "K\x00K\x00))" + hooks + "tR.":                                           "arguments",
		rebuild + storageID + "tR.":                                                        "arguments",
		"ctorch._utils\n_rebuild_parameter\n(K\x00\x88}tR.":                                "arguments",
		"ctorch._utils\n_rebuild_tensor_v3\n(K\x00K\x00))" + hooks + "ctorch\nuint16\ntR.": "arguments",
		"\x80\x04.":                       "pickle protocol 4",
		"\x8c\x01a.":                      "opcode 0x8c at byte 0",
		"":                                "cut short",
		"X\xff\xff\xff\xffa.":             "cut short",
		"h\x05.":                          "memo 5 is empty",
		"q\x00.":                          "stack is empty",
		".":                               "stack is empty",
		"K\x01(.":                         "stack is empty",
		"t.":                              "no mark",
		"K\x01\x86.":                      "stack is empty",
		"K\x01K\x01a.":                    "appends to an int",
		"]K\x01K\x02s.":                   "sets 2 items of a list",
		"}(K\x01u.":                       "sets 1 items of a dict",
		"}]Ns.":                           "a dict with a list as its key",
		"}}Ns.":                           "a dict with a dict as its key",
		"NK\x01K\x02s.":                   "sets 2 items of None",
		"]q\x00h\x00a.":                   "nested more than 200 deep", // a list that holds itself
		"]q\x00(h\x00h\x00h\x00e.":        "nested more than 200 deep",
		"}q\x00X\x01\x00\x00\x00ah\x00s.": "nested more than 200 deep",
		strings.Repeat("]", 300) + strings.Repeat("a", 299) + ".": "nested more than 200 deep",
		"(" + strings.Repeat("}", 1<<20) + "t.":                   "far more memory than a file of its size",
		bomb():                                                    "beyond all proportion",
	} {
		_, err := runPickle(pickle)
		require.Error(t, err, "%.80q", pickle)
		assert.Contains(t, err.Error(), want, "%.80q", pickle)
		assert.Contains(t, err.Error(), "data.pkl: ", "%.80q", pickle)
	}
}

// bomb is a tuple of two tuples of two tuples ..., 2^100 values in all.
func bomb() string {
	return ")q\x00" + strings.Repeat("h\x00h\x00\x86q\x00", 100) + "."
}

func TestLongInts(t *testing.T) {
	for pickle, want := range map[string]any{
		"\x8a\x00.":         int64(0),
		"\x8a\x01\xff.":     int64(-1),
		"\x8a\x02\xff\x00.": int64(255),
		"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.":     int64(-1 << 63),
		"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.": uint64(1 << 63),
	} {
		got, err := runPickle(pickle)
		require.NoError(t, err)
		assert.Equal(t, want, got, "%q", pickle)
	}
}

// Reading takes memory in proportion to the file, whatever the file says: 64 MiB and six times its size.
func TestAllocationIsBounded(t *testing.T) {
	const size = 8 << 20
	many := func(opcodes string) string { return strings.Repeat(opcodes, size/len(opcodes)) }
	numbered := func(op string, n int) string {
		var b strings.Builder
		for i := range size / n {
			b.WriteString(op[:1])
			b.Write(le.AppendUint32(nil, uint32(i)))
			b.WriteString(op[1:])
		}
		return b.String()
	}
	dict := "ccollections\nOrderedDict\nq\x00"
	tensor := rebuild + storageID + "q\x01K\x00)q\x02h\x02" + hooks + "q\x03tq\x04R"
	for name, pickle := range map[string]string{
		"marks":          many("("),
		"dicts":          many("}"),
		"sets":           many("\x8f"),
		"lists":          many("]"),
		"tuples":         many(")"),
		"nested tuples":  ")" + many("\x85"),
		"pairs":          ")" + many("q\x00h\x00\x86"),
		"nones":          many("N"),
		"list of nones":  "](" + many("N") + "e",
		"appended nones": "]" + many("Na"),
		"ints":           many("M\xff\xff"),
		"floats":         many("G12345678"),
		"texts":          many("U\x00"),
		"letters":        many("U\x01a"),
		"items":          "}(" + numbered("JN", 6) + "u",
		"memoised":       "N" + numbered("r", 5),
		"memoised again": "N" + many("q\x00"),
		"ordered dicts":  dict + many("h\x00)R"),
		"long ints":      many("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
		"odd keys":       "}(" + many("\x85N") + "u",
		"tensors":        tensor + "ctorch._utils\n_rebuild_tensor_v2\nq\x05" + many("h\x05h\x04R"),
		"string":         "X\xff\xff\xff\x7f",
		"memo":           "Nr\xff\xff\xff\xff.",
		"bomb":           bomb(),
		"long bomb":      ")q\x00" + many("h\x00h\x00\x86q\x00") + ".",
		"expand":         rebuild + storageID + "K\x00(J\xff\xff\xff\x7ft(K\x00t" + hooks + "tR.",
	} {
		a := tinyArchive()
		a.size = int64(len(pickle))
		before := held()
		m := newMachine([]byte(pickle), a)
		root, err := m.run()
		after := held()
		if name != "memo" {
			require.Error(t, err, name)
		}
		assert.Less(t, after-before, int64(65<<20+7*len(pickle)), name) // the pickle is there too
		runtime.KeepAlive(m)
		runtime.KeepAlive(root)
	}
}

// held is what the heap holds that is in use.
func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
