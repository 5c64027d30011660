package data

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A sidecar is a file beside a picture that names its class, as WebDataset has it: NAME.cls holds the class, NAME.json an
// object with it under one of labelKeys.
var sidecarEndings = []string{".cls", ".json"} // the first that there is counts

var labelKeys = []string{"label", "cls", "class"}

// maxSidecar bounds one: nobody writes a page about a picture's class.
const maxSidecar = 1 << 20

func (t takes) sidecar(name string) bool {
	return t.sidecars && slices.Contains(sidecarEndings, strings.ToLower(path.Ext(name)))
}

// sidecars finds those of pictures among the files of a source, by where they lie there.
type sidecars[place any] map[string]place

// of is the sidecar of a picture: of its name without the ending, or without all of its endings.
func (s sidecars[place]) of(name string) (at place, side string, ok bool) {
	dir, base := path.Split(name)
	first, _, _ := strings.Cut(base, ".")
	for _, stem := range []string{strings.TrimSuffix(name, path.Ext(name)), dir + first} {
		for _, ending := range sidecarEndings {
			if at, ok = s[stem+ending]; ok {
				return at, stem + ending, true
			}
		}
	}
	return at, "", false
}

// sideLabel is the class that a sidecar names, "" where it names none.
func sideLabel(name string, file []byte) (string, error) {
	if path.Ext(name) == ".cls" {
		return oneLabel(string(file))
	}
	if !json.Valid(file) {
		return "", errors.New("no JSON: mend or remove it")
	}
	value := bytes.TrimSpace(file)
	if value[0] == '{' {
		var object map[string]json.RawMessage // whatever else is in it is not taken apart
		if err := json.Unmarshal(value, &object); err != nil {
			return "", fmt.Errorf("%w: mend or remove it", err)
		}
		value = nil
		for _, key := range slices.Backward(labelKeys) {
			if v, ok := object[key]; ok {
				value = v
			}
		}
	}
	return jsonLabel(value)
}

// jsonLabel is the class that a string or a number names, "" of anything else.
func jsonLabel(value []byte) (string, error) {
	switch {
	case len(value) == 0:
		return "", nil
	case value[0] == '"':
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return "", err
		}
		return oneLabel(text)
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return oneLabel(string(value))
	}
	return "", nil
}

func oneLabel(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 200 || strings.ContainsAny(text, "\n\r\x00") {
		return "", errors.New("it names no class: write one in one line")
	}
	return text, nil
}

// sided labels files as their sidecars do; label is what that of file i says, "" where there is none.
func sided(n int, label func(i int) (string, error)) (l labelled, print string, err error) {
	number, sum := map[string]int32{}, sha256.New()
	labels := make([]int32, n)
	for i := range labels {
		class, err := label(i)
		if err != nil {
			return l, "", err
		}
		fmt.Fprintf(sum, "%s\n", class)
		if labels[i] = -1; class != "" {
			labels[i] = numbered(number, className(class))
		}
	}
	if len(number) == 0 {
		return l, "", nil
	}
	l = inOrder(labels, number, byNumber(number))
	return l, " sidecars sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// byNumber orders classes that are numbers as numbers, others by their bytes.
func byNumber(classes map[string]int32) func(a, b string) int {
	for class := range classes {
		if n, err := strconv.Atoi(class); err != nil || strconv.Itoa(n) != class {
			return strings.Compare
		}
	}
	return func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) }
}
