package data

import (
	"fmt"
	"strconv"
	"strings"
)

// parseBackground reads a colour for Options.Background: six hexadecimal digits, with or without # before them. "" is
// none. Errors are *SpecError.
func parseBackground(text string) (*[3]byte, error) {
	if text == "" {
		return nil, nil
	}
	digits := strings.TrimPrefix(text, "#")
	rgb, err := strconv.ParseUint(digits, 16, 24)
	if err != nil || len(digits) != 6 {
		return nil, &SpecError{fmt.Sprintf("background %q: no colour: write six hexadecimal digits, such as FFFFFF", text)}
	}
	return &[3]byte{byte(rgb >> 16), byte(rgb >> 8), byte(rgb)}, nil
}
