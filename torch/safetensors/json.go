package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// What the header's parts take in memory, in bytes, beside their texts.
const (
	tensorTakes   = 640 // with what is made of it
	metadataTakes = 80
)

// maxDims bounds a tensor's dimensions; PyTorch's own kernels take 25.
const maxDims = 64

// header reads the JSON token by token, as strictly as the format's own reader: what Go would make a map or a struct of hides
// names that are there twice, takes keys in any case, and null for 0.
type header struct {
	dec      *json.Decoder
	memory   int64 // bytes that what is read may still take
	places   []place
	metadata map[string]string
}

// parseHeader reads the header of a file of size bytes.
func parseHeader(text []byte, size int64) (*header, error) {
	if len(text) == 0 || text[0] != '{' || !utf8.Valid(text) {
		return nil, errors.New("no JSON object: not a safetensors file")
	}
	h := &header{dec: json.NewDecoder(bytes.NewReader(text)), memory: 64<<20 + 6*size}
	h.dec.UseNumber()
	if err := h.object(h.entry); err != nil {
		return nil, err
	}
	if _, err := h.dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON object")
	}
	return h, nil
}

// entry reads what stands under a name: a tensor's place or the metadata.
func (h *header) entry(name string) error {
	if name == metadataKey {
		h.metadata = map[string]string{}
		return h.object(h.note)
	}
	p := place{name: name}
	err := h.object(func(key string) (err error) {
		switch key {
		case "dtype":
			p.DType, err = h.text()
		case "shape":
			p.Shape = []int{}
			err = h.numbers(maxDims, func(n int64) { p.Shape = append(p.Shape, int(n)) })
		case "data_offsets":
			err = h.numbers(2, func(n int64) { p.Offsets = append(p.Offsets, n) })
		default:
			err = errors.New("unknown field")
		}
		return err
	})
	h.places = append(h.places, p)
	if err != nil {
		return err
	}
	return h.spend(tensorTakes + len(name) + 32*len(p.Shape))
}

func (h *header) note(name string) (err error) {
	if h.metadata[name], err = h.text(); err != nil {
		return err
	}
	return h.spend(metadataTakes + len(name) + len(h.metadata[name]))
}

func (h *header) spend(bytes int) error {
	if h.memory -= int64(bytes); h.memory < 0 {
		return errors.New("takes far more memory than a file of its size should")
	}
	return nil
}

// object hands the keys of an object to read, which reads their values.
func (h *header) object(read func(key string) error) error {
	if err := h.open('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for h.dec.More() {
		key, err := h.text()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%.100q is there twice", key)
		}
		seen[key] = true
		if err := read(key); err != nil {
			return fmt.Errorf("%.100q: %w", key, err)
		}
	}
	_, err := h.dec.Token()
	return err
}

// numbers hands the elements of a list of sizes to add.
func (h *header) numbers(most int, add func(n int64)) error {
	if err := h.open('['); err != nil {
		return err
	}
	for n := 0; h.dec.More(); n++ {
		token, err := h.dec.Token()
		if err != nil {
			return err
		}
		number, ok := token.(json.Number)
		v, err := strconv.ParseUint(string(number), 10, 63)
		if !ok || err != nil {
			return fmt.Errorf("%.40s is no size", show(token))
		}
		if n == most {
			return fmt.Errorf("more than %d numbers", most)
		}
		add(int64(v))
	}
	_, err := h.dec.Token()
	return err
}

func (h *header) open(want json.Delim) error {
	token, err := h.dec.Token()
	if err == nil && token != want {
		err = fmt.Errorf("%.40s in the place of %v", show(token), want)
	}
	return err
}

func (h *header) text() (string, error) {
	token, err := h.dec.Token()
	s, ok := token.(string)
	if err == nil && !ok {
		err = fmt.Errorf("%.40s in the place of a text", show(token))
	}
	return s, err
}

// show is a token as it stands in JSON.
func show(token json.Token) string {
	switch v := token.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	}
	return fmt.Sprint(token)
}
