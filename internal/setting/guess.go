package setting

import (
	"slices"
	"strings"
)

// elsewhere is what other programs, the official DCGAN example before all, call a setting, where the words do not show it.
var elsewhere = map[string]string{
	"cuda": "device", "dataroot": "data", "dim": "latent", "gpu": "device", "image-size": "size", "imagesize": "size", "iterations": "steps",
	"iters": "steps", "lr-d": "disc-lr", "lr-g": "gen-lr", "manualseed": "seed", "ndf": "disc-width", "netd": "init-discriminator",
	"netg": "init-generator", "ngf": "gen-width", "ngpu": "device", "niter": "epochs", "nz": "latent", "outf": "out", "z-dim": "latent", "zdim": "latent",
}

// DidYouMean is ": did you mean --lr?" with before for "--", or "" where no name is near to the word.
func DidYouMean(word string, names []string, before string) string {
	if name := nearest(word, names); name != "" {
		return ": did you mean " + before + name + "?"
	}
	return ""
}

// nearest is the name that a word most likely stands for: what it is called elsewhere, its initials, a part of it, or what a
// slip of the fingers made of it. "": none is near.
func nearest(word string, names []string) string {
	word = strings.ReplaceAll(strings.ToLower(word), "_", "-")
	parts := strings.Split(word, "-")
	initials := ""
	for _, part := range parts {
		initials += part[:min(1, len(part))]
	}
	for _, likely := range append([]string{word, elsewhere[word], initials}, parts...) {
		if likely != "" && slices.Contains(names, likely) {
			return likely
		}
	}
	if len(names) == 0 {
		return ""
	}
	best := slices.MinFunc(names, func(a, b string) int { return distance(word, a) - distance(word, b) })
	if distance(word, best) > (len(word)+1)/4 {
		return ""
	}
	return best
}

// distance is Damerau's: how many letters are missing, too many, wrong, or exchanged with the next.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1) // [i][j]: of the first i of a and the first j of b
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := range len(a) {
		for j := range len(b) {
			cost := rows[i][j]
			if a[i] != b[j] {
				cost = min(cost, rows[i][j+1], rows[i+1][j]) + 1
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cost = min(cost, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = cost
		}
	}
	return rows[len(a)][len(b)]
}
