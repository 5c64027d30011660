package board

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// scanner reads the lines of metrics.jsonl: flat objects of numbers. It reads a million of them in half a second, which
// encoding/json does not, and takes no more from a file that is none than it has to.
type scanner struct {
	names []string
	known map[string]int // the place of each in names
	order []int          // of the names in the line before: lines are mostly alike

	at     []int     // places of the line's figures
	values []float64 // the figures; NaN where there is none
}

// maxNames is how many figures a run may have: names beyond are left out.
const maxNames = 64

// maxName is how long a name may be.
const maxName = 80

// line reads a line into at and values, and reports whether it is one. Values that are no numbers are left out.
func (s *scanner) line(b []byte) bool {
	s.at, s.values = s.at[:0], s.values[:0]
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return space(b, i+1) == len(b)
	}
	for {
		name, next := text(b, i)
		if next < 0 {
			return false
		}
		if i = space(b, next); i >= len(b) || b[i] != ':' {
			return false
		}
		v, isNumber, next := value(b, space(b, i+1))
		if next < 0 {
			return false
		}
		if isNumber {
			s.add(name, v)
		}
		if i = space(b, next); i >= len(b) {
			return false
		}
		switch b[i] {
		case ',':
			i = space(b, i+1)
		case '}':
			return space(b, i+1) == len(b)
		default:
			return false
		}
	}
}

func (s *scanner) add(name []byte, v float64) {
	n := len(s.at)
	if n < len(s.order) {
		if place := s.order[n]; s.names[place] == string(name) {
			s.at, s.values = append(s.at, place), append(s.values, v)
			return
		}
	}
	place, ok := s.known[string(name)]
	if !ok {
		if len(s.names) == maxNames || len(name) > maxName || len(name) == 0 {
			return
		}
		if s.known == nil {
			s.known = map[string]int{}
		}
		place = len(s.names)
		s.names = append(s.names, string(name))
		s.known[string(name)] = place
	}
	s.order = append(s.order[:min(n, len(s.order))], place)
	s.at, s.values = append(s.at, place), append(s.values, v)
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// text is the JSON string at i, without its quotes, and the place behind it; -1 where there is none. Escapes stay as they
// are: no name of a figure has any.
func text(b []byte, i int) (inner []byte, next int) {
	if i >= len(b) || b[i] != '"' {
		return nil, -1
	}
	for k := i + 1; k < len(b); k++ {
		switch b[k] {
		case '"':
			return b[i+1 : k], k + 1
		case '\\':
			k++
		}
	}
	return nil, -1
}

var literals = [][]byte{[]byte("null"), []byte("true"), []byte("false"), []byte("NaN"), []byte("Infinity"), []byte("-Infinity")}

// value reads the number, word or string at i. Lists and objects are none.
func value(b []byte, i int) (v float64, isNumber bool, next int) {
	if i >= len(b) {
		return 0, false, -1
	}
	if b[i] == '"' {
		_, next = text(b, i)
		return 0, false, next
	}
	if b[i] == '-' || b[i] >= '0' && b[i] <= '9' {
		if v, next = number(b, i); next > 0 {
			return v, true, next
		}
	}
	for _, w := range literals {
		if bytes.HasPrefix(b[i:], w) {
			return math.NaN(), w[0] != 't' && w[0] != 'f', i + len(w)
		}
	}
	return 0, false, -1
}

// powers are those of ten that a float64 has exactly.
var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// number reads a number to within a unit in its last place, which is enough for a chart.
func number(b []byte, i int) (v float64, next int) {
	start, negative := i, b[i] == '-'
	if negative {
		i++
	}
	mantissa, digits, exponent := uint64(0), 0, 0
	point := false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		mantissa = mantissa*10 + uint64(c-'0')
		digits++
		if point {
			exponent--
		}
	}
	if digits == 0 {
		return 0, -1
	}
	if digits > 19 || i < len(b) && (b[i] == 'e' || b[i] == 'E') || exponent < -22 {
		return slowNumber(b, start, i)
	}
	v = float64(mantissa) / powers[-exponent]
	if negative {
		v = -v
	}
	return v, i
}

// slowNumber reads one with an exponent, or with more digits than fit; the digits before end at i.
func slowNumber(b []byte, start, i int) (v float64, next int) {
	for i < len(b) && (b[i] >= '0' && b[i] <= '9' || b[i] == 'e' || b[i] == 'E' || b[i] == '-' || b[i] == '+') {
		i++
	}
	digits := b[start:i]
	v, err := strconv.ParseFloat(unsafe.String(&digits[0], len(digits)), 64)
	if err != nil && !math.IsInf(v, 0) {
		return 0, -1
	}
	return v, i
}
