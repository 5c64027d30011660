package data

import (
	"path"
	"slices"
	"strings"

	"forger/vision"
)

// Rules say what a source takes, and which images a limit leaves: runs go on by those they began with.
const (
	rulesFirst = 1 // see firstEndings; links to folders and sidecars are passed over; a limit takes the first images
	rulesNow   = 2
)

// firstEndings are those of image files by the first rules.
var firstEndings = []string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp"}

// takes is what rules say about files.
type takes struct {
	endings  []string
	links    bool // to folders
	sidecars bool
}

func taking(o Options) takes {
	if o.Rules == rulesFirst {
		return takes{endings: firstEndings}
	}
	return takes{vision.Endings(), true, true}
}

// image reports whether a name has the ending of an image file.
func (t takes) image(name string) bool {
	return slices.Contains(t.endings, strings.ToLower(path.Ext(name)))
}

// text lists the endings.
func (t takes) text() string { return strings.Join(t.endings, ", ") }
