package vision

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Size is the height and width of pictures, in pixels; the zero Size stands for one that is not decided yet. As text,
// YAML and JSON it is one number where it is square, else "HEIGHTxWIDTH".
type Size struct{ Height, Width int }

// Square is the size of pictures of n x n.
func Square(n int) Size { return Size{n, n} }

// IsZero tells a size that is not decided.
func (s Size) IsZero() bool { return s == Size{} }

// longer is the longer side.
func (s Size) longer() int { return max(s.Height, s.Width) }

// String is "64" or "128x64".
func (s Size) String() string {
	if s.Height == s.Width {
		return strconv.Itoa(s.Height)
	}
	return fmt.Sprintf("%dx%d", s.Height, s.Width)
}

// Set takes what String gives.
func (s *Size) Set(text string) error {
	height, width, oblong := strings.Cut(text, "x")
	if !oblong {
		width = height
	}
	h, err := strconv.ParseUint(height, 10, 31)
	w, werr := strconv.ParseUint(width, 10, 31)
	if err != nil || werr != nil || oblong && (h == 0 || w == 0) {
		return fmt.Errorf("%q is no size: write one number, or HEIGHTxWIDTH", text)
	}
	*s = Size{int(h), int(w)}
	return nil
}

// Type is what a flag's help calls it.
func (s *Size) Type() string { return "size" }

// MarshalYAML is a number or a string.
func (s Size) MarshalYAML() (any, error) {
	if s.Height == s.Width {
		return s.Height, nil
	}
	return s.String(), nil
}

// UnmarshalYAML takes both.
func (s *Size) UnmarshalYAML(text []byte) error {
	return s.Set(strings.Trim(strings.TrimSpace(string(text)), `"'`))
}

// MarshalJSON is a number or a string.
func (s Size) MarshalJSON() ([]byte, error) {
	v, _ := s.MarshalYAML()
	return json.Marshal(v)
}

// UnmarshalJSON takes both.
func (s *Size) UnmarshalJSON(text []byte) error { return s.Set(strings.Trim(string(text), `"`)) }
