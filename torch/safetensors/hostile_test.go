package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"forger/torch/pt"
)

// made puts a header and n bytes of elements into a file.
func made(header string, n int) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), make([]byte, n)...)
}

func open(data []byte) (*File, error) { return newFile(bytes.NewReader(data), int64(len(data))) }

func TestHostileHeaders(t *testing.T) {
	const ok = `"dtype":"F32","shape":[1]`
	for header, want := range map[string]string{
		``:                                      "no JSON object",
		` {}`:                                   "no JSON object",
		`[]`:                                    "no JSON object",
		`{`:                                     "EOF",
		`{} x`:                                  "something follows",
		`{}{}`:                                  "something follows",
		"{\"\xff\":1}":                          "no JSON object",
		`{"a":1}`:                               `"a": 1 in the place of {`,
		`{"a":{"dtype":"F32"}}`:                 "lacks a shape",
		`{"a":{` + ok + `}}`:                    "lacks a shape or two data_offsets",
		`{"a":{` + ok + `,"x":1}}`:              `"a": "x": unknown field`,
		`{"a":{` + ok + `,"shape":[1]}}`:        `"a": "shape" is there twice`,
		`{"a":{"Shape":[1]}}`:                   `"a": "Shape": unknown field`,
		`{"a":{"dtype":null}}`:                  `"dtype": null in the place of a text`,
		`{"a":{"shape":"x"}}`:                   `"shape": "x" in the place of [`,
		`{"a":{"shape":[null]}}`:                `"shape": null is no size`,
		`{"a":{"data_offsets":[0,4,4]}}`:        `"data_offsets": more than 2 numbers`,
		`{"__metadata__":null}`:                 `"__metadata__": null in the place of {`,
		`{"__metadata__":{"a":"","a":""}}`:      `"__metadata__": "a" is there twice`,
		`{"__metadata__":{"a":1}}`:              `"__metadata__": "a": 1 in the place of a text`,
		`{"__metadata__":{},"__metadata__":{}}`: `"__metadata__" is there twice`,
		`{"a":{` + ok + `,"data_offsets":[0]}}`: "two data_offsets",
		`{"a":{` + ok + `,"data_offsets":[0,4]},"a":{}}`:                                `"a" is there twice`,
		`{"a":{` + ok + `,"data_offsets":[0,-4]}}`:                                      `"data_offsets": -4 is no size`,
		`{"a":{` + ok + `,"data_offsets":[4,8]}}`:                                       "lies at 4 to 8, not from 0",
		`{"a":{` + ok + `,"data_offsets":[0,12]}}`:                                      "within 8 bytes",
		`{"a":{` + ok + `,"data_offsets":[0,4]}}`:                                       "take 4 bytes of 8",
		`{"a":{` + ok + `,"data_offsets":[0,8]}}`:                                       "takes 4 bytes, its data_offsets leave 8",
		`{"a":{` + ok + `,"data_offsets":[0,4]},"b":{` + ok + `,"data_offsets":[0,4]}}`: "overlap",
		`{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}`:                        `unknown dtype "F31": have BOOL U8`,
		`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`:                       `"shape": -2 is no size`,
		`{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}`:                      `"shape": 2.5 is no size`,
		`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}`:    "too large",
		`{"a":` + strings.Repeat("[", 20000):                                            `"a": [ in the place of {`,
		`{"a":{"shape":[` + strings.Repeat("1,", 64) + `1]}}`:                           `"shape": more than 64 numbers`,
	} {
		_, err := open(made(header, 8))
		require.Error(t, err, header)
		assert.Contains(t, err.Error(), want, header)
		assert.Contains(t, err.Error(), "safetensors: open: ", header)
	}
	f, err := open(made(`{"b":{`+ok+`,"data_offsets":[4,8]},"e":{"dtype":"U8","shape":[0],"data_offsets":[4,4]},"a":{`+ok+`,"data_offsets":[0,4]}}  `, 8))
	require.NoError(t, err)
	assert.Equal(t, []any{"b", "e", "a"}, f.Tensors().Keys())
}

// What the format's own reader refuses is refused, and what it takes is taken.
func TestAsStrictAsTheRealReader(t *testing.T) {
	text, err := os.ReadFile(testFile("headers.json"))
	require.NoError(t, err)
	var headers [][2]any
	require.NoError(t, json.Unmarshal(text, &headers))
	require.NotEmpty(t, headers)
	for _, h := range headers {
		_, err := open(made(h[0].(string), 4))
		assert.Equal(t, h[1], err == nil, "%v: %v", h[0], err)
	}
}

// A header takes memory in proportion to the file: 64 MiB and six times its size.
func TestMemoryIsBounded(t *testing.T) {
	many := func(before, each, after string) []byte {
		var b strings.Builder
		b.WriteString(before)
		for i := 0; b.Len() < 16<<20; i++ {
			fmt.Fprintf(&b, each, i)
		}
		return made(b.String()+after, 0)
	}
	for name, file := range map[string][]byte{
		"tensors":  many(`{"first":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, `,"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, "}"),
		"metadata": many(`{"__metadata__":{"":""`, `,"%x":""`, "}}"),
		"sizes":    many(`{"a":{"dtype":"U8","shape":[0`, ",%d", `],"data_offsets":[0,0]}}`),
		"fields":   many(`{"a":{"dtype":"U8"`, `,"%x":0`, "}}"),
		"name":     many(`{"`, "%x", `":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`),
	} {
		before := held()
		f, err := open(file)
		assert.Less(t, held()-before, int64(65<<20+6*len(file)), name)
		if name == "tensors" {
			require.ErrorContains(t, err, "takes far more memory than a file of its size should")
		}
		runtime.KeepAlive(f)
		runtime.KeepAlive(file)
	}
}

// held is what the heap holds that is in use.
func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestHostileFiles(t *testing.T) {
	for want, data := range map[string][]byte{
		"3 bytes are no safetensors file":   []byte("abc"),
		"more than 100000000":               bytes.Repeat([]byte{0xff}, 16),
		"a header of 65536 bytes in a file": {0, 0, 1, 0, 0, 0, 0, 0, '{', '}'},
	} {
		_, err := open(data)
		require.ErrorContains(t, err, want)
	}
	whole, err := os.ReadFile(testFile("net.safetensors"))
	require.NoError(t, err)
	for n := range whole {
		_, err := open(whole[:n])
		require.Error(t, err, n)
	}
	for path, want := range map[string]string{"absent": "no such file", "testdata": "not a regular file", testFile("net.json"): "not a safetensors file"} {
		_, err := loadAll(path)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "safetensors: load "+path)
		_, err = Open(path)
		require.ErrorContains(t, err, "safetensors: open "+path)
	}
}

// FuzzOpen opens any bytes: no panic, and what is accepted can be read, written, and read again to the same.
func FuzzOpen(f *testing.F) {
	paths, err := filepath.Glob(testFile("*.safetensors"))
	require.NoError(f, err)
	require.Len(f, paths, len(fixtures)+1)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add(made(`{"a":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}}`, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		file, err := open(data)
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2*(64<<20+6*len(data))))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		require.NoError(t, pt.Write(&first, file.Tensors()))
		if _, err := sorted(file.Tensors()); err != nil {
			return
		}
		first.Reset()
		require.NoError(t, writeTo(&first, file.Tensors(), file.Metadata()))
		again, err := open(first.Bytes())
		require.NoError(t, err)
		require.NoError(t, writeTo(&second, again.Tensors(), again.Metadata()))
		require.Equal(t, first.Bytes(), second.Bytes())
	})
}
