package board

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parsed is a line as the scanner has it.
func parsed(line string) (map[string]float64, bool) {
	var s scanner
	ok := s.line([]byte(line))
	all := map[string]float64{}
	for i, place := range s.at {
		all[s.names[place]] = s.values[i]
	}
	return all, ok
}

func TestLinesAreRead(t *testing.T) {
	all, ok := parsed(` { "step": 12, "a":-0.5 ,"b":1e-7,"c":123456789012345678901,"d":null,"e":"text \" }","f":true,"g":0.69314718055994530} ` + "\r\n")
	assert.True(t, ok)
	assert.True(t, math.IsNaN(all["d"]))
	delete(all, "d")
	assert.Equal(t, map[string]float64{"step": 12, "a": -.5, "b": 1e-7, "c": 123456789012345678901, "g": math.Ln2}, all)
	all, ok = parsed(`{"x":NaN,"y":-Infinity}`)
	assert.True(t, ok)
	assert.Len(t, all, 2)
	for _, bad := range []string{"", "{", "[]", `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1}}`, `{"a":[1]}`, `{"a":{}}`, `{"a":-}`, `{a:1}`, `{"a":1,}`, `{"a":1 "b":2}`, `{"a":1e}`, "\x00"} {
		_, ok := parsed(bad)
		assert.False(t, ok, bad)
	}
}

// What the scanner takes for a line of numbers is what encoding/json takes for one.
func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"step":1,"loss_g":0.25,"x":null}`))
	f.Add([]byte(`{"step":1e3,"a":"b\\","c":-0}`))
	f.Add([]byte(`{"a":NaN}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var s scanner
		ok := s.line(line)
		var want map[string]any
		if json.Unmarshal(line, &want) != nil || !ok || bytes.ContainsAny(line, `\`) || !bytes.Equal(line, bytes.ToValidUTF8(line, nil)) {
			return
		}
		got := map[string]float64{}
		for i, place := range s.at {
			got[s.names[place]] = s.values[i]
		}
		for name, v := range want {
			if v, isNumber := v.(float64); isNumber && len(name) > 0 && len(name) <= maxName && len(want) <= maxNames {
				require.InDelta(t, v, got[name], math.Abs(v)*1e-15, name)
			}
		}
	})
}

// metrics writes a file of so many lines, as a run writes them, and opens it.
func metrics(t testing.TB, lines int) *os.File {
	t.Helper()
	var b bytes.Buffer
	for i := range lines {
		loss := math.Sin(float64(i) / 1000)
		if i == lines/3 {
			loss = 100 // one line alone
		}
		fmt.Fprintf(&b, `{"step":%d,"images":%d,"epoch":%v,"loss_d":%v,"d_real":0.7986863732337952,"d_fake":0.1897404670715332,"loss_g":%v,"diversity":0.6858049247022405,`+
			`"images_per_second":734.8113818576845,"data_wait":0.00005105331704013093,"host_mib":192.96875,"seconds":%v}`+"\n", 10*(i+1), 640*(i+1), float64(i)/1000, loss, 2*loss, float64(i)/7)
	}
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// Whatever the number of lines, memory is bounded, extremes stay, and means are those of all lines.
func TestHistoriesKeepTheirExtremes(t *testing.T) {
	f := metrics(t, 30000)
	var h history
	require.NoError(t, h.read(f))
	assert.LessOrEqual(t, len(h.all.buckets), historyBuckets)
	assert.Equal(t, int64(30000), h.all.lines)
	loss := h.scan.known["loss_d"]
	whole, err := h.view(f, 0, math.MaxInt64, 100)
	require.NoError(t, err)
	require.LessOrEqual(t, len(whole.buckets), 100)
	peak, sum, count := float32(0), 0., uint32(0)
	for _, c := range whole.columns[loss].cells {
		peak, sum, count = max(peak, c.largest), sum+c.sum, count+c.count
	}
	assert.Equal(t, float32(100), peak)
	assert.Equal(t, uint32(30000), count)
	want := 0.
	for i := range 30000 {
		if i == 10000 {
			want += 100
			continue
		}
		want += math.Sin(float64(i) / 1000)
	}
	assert.InDelta(t, want, sum, 1e-6)

	near, err := h.view(f, 100000, 100100, 400)
	require.NoError(t, err)
	require.Len(t, near.buckets, 11, "a closer look has every line")
	assert.Equal(t, cell{100, 100, 1, 100}, near.columns[loss].cells[1])
	assert.Equal(t, int64(100010), near.buckets[1].first)
}

// A file that grows is read on, one that was cut or replaced anew, a line that is not finished later.
func TestHistoriesFollowTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	var h history
	read := func() []int64 {
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		require.NoError(t, h.read(f))
		var steps []int64
		for _, b := range h.all.buckets {
			steps = append(steps, b.first)
		}
		return steps
	}
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o644)) }
	write("{\"step\":2}\nnonsense\n{\"step\":4}\n{\"step\":4}\n{\"st")
	assert.Equal(t, []int64{2, 4}, read())
	assert.Equal(t, int64(2), h.skipped)
	write("{\"step\":2}\nnonsense\n{\"step\":4}\n{\"step\":4}\n{\"step\":6}\n")
	assert.Equal(t, []int64{2, 4, 6}, read())
	write("{\"step\":2}\n")
	assert.Equal(t, []int64{2}, read())
	write("{\"step\":3}\n{\"step\":5}\n")
	assert.Equal(t, []int64{3, 5}, read())
	write("{\"step\":3}\n" + string(bytes.Repeat([]byte("x"), 3*maxLine)) + "\n{\"step\":9}\n")
	assert.Equal(t, []int64{3, 9}, read(), "a line without an end is passed over")
}

// A million lines take little memory; how long they take is the benchmark's.
func TestAMillionLinesNeedLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: a file of 280 MB")
	}
	f := metrics(t, 200000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var h history
	require.NoError(t, h.read(f))
	runtime.GC()
	runtime.ReadMemStats(&after)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(8<<20))
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(24<<20), "of all that was allocated")
	runtime.KeepAlive(&h)
}

func BenchmarkAMillionLines(b *testing.B) {
	f := metrics(b, 1e6)
	info, err := f.Stat()
	require.NoError(b, err)
	b.SetBytes(info.Size())
	for b.Loop() {
		var h history
		require.NoError(b, h.read(f))
	}
}
