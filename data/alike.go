package data

import (
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"sync"

	"forger/vision"
)

// Alike is an image that is the same as one before it, or nearly.
type Alike struct {
	Image  int    `json:"image"`
	File   string `json:"file"` // "" where the source has none
	Before int    `json:"before"`
	Like   string `json:"like"` // the file of that one
	Same   bool   `json:"same"` // pixel by pixel
}

const (
	lookSide  = 32  // of the picture that is looked at
	lowSide   = 8   // of its lowest frequencies
	thumbSide = 16  // of the picture that is compared in the end
	nearBits  = 6   // of the hash that may differ
	nearShare = .08 // of a picture's contrast that two may differ by
	mostNear  = 256 // images that one is compared with for each band of its hash

	mostLooks = 1 << 20 // images of a set that is looked at, which takes 280 bytes each
)

// look is what is kept of an image: a hash of its pixels, one of its lowest frequencies (the perceptual hash: signs of a cosine
// transform about their median), and a small picture.
type look struct {
	seen      bool
	exact     uint64
	frequency uint64
	thumb     [thumbSide * thumbSide]uint8
}

// looker takes looks of images of a shape; it belongs to one goroutine.
type looker struct {
	shape   Shape
	seed    maphash.Seed
	resizer vision.Resizer
	gray    []byte
	small   [lookSide * lookSide]byte
}

func (l *looker) look(pixels []byte) (k look) {
	k.seen, k.exact = true, maphash.Bytes(l.seed, pixels)
	gray := pixels
	if l.shape.Channels == 3 {
		l.gray = room(l.gray, len(pixels)/3)
		gray = l.gray
		for i := range gray {
			gray[i] = vision.Luma(pixels[3*i], pixels[3*i+1], pixels[3*i+2])
		}
	}
	m := vision.Image{Pix: gray, Height: l.shape.Height, Width: l.shape.Width, Channels: 1}
	l.resizer.Fit(l.small[:], m, vision.Square(lookSide))
	k.frequency = frequencies(&l.small)
	l.resizer.Fit(k.thumb[:], m, vision.Square(thumbSide))
	return k
}

// cosines are those of the lowest frequencies: [lowSide][lookSide].
var cosines = sync.OnceValue(func() (c [lowSide][lookSide]float32) {
	for k := range c {
		for i := range c[k] {
			c[k][i] = float32(math.Cos(math.Pi / lookSide * (float64(i) + .5) * float64(k)))
		}
	}
	return c
})

// frequencies is a bit for each of the lowest frequencies of a picture, but for the mean: whether it is above their median.
func frequencies(pix *[lookSide * lookSide]byte) (hash uint64) {
	c := cosines()
	var across [lookSide][lowSide]float32
	for y := range across {
		row := pix[y*lookSide:][:lookSide]
		for k := range c {
			for x, v := range row {
				across[y][k] += float32(v) * c[k][x]
			}
		}
	}
	var low [lowSide * lowSide]float32
	for k := range c {
		for y := range across {
			for x := range lowSide {
				low[k*lowSide+x] += c[k][y] * across[y][x]
			}
		}
	}
	sorted := low
	slices.Sort(sorted[1:])
	median := sorted[1+len(sorted)/2]
	for i, v := range low[1:] {
		if v > median {
			hash |= 1 << i
		}
	}
	return hash
}

// near tells small pictures that differ by little of their contrast.
func near(a, b *look) bool {
	if bits.OnesCount64(a.frequency^b.frequency) > nearBits {
		return false
	}
	mean := 0
	for _, v := range a.thumb {
		mean += int(v)
	}
	mean /= len(a.thumb)
	difference, contrast := 0, 0
	for i, v := range a.thumb {
		difference += distance(int(v), int(b.thumb[i]))
		contrast += distance(int(v), mean)
	}
	return float64(difference) <= nearShare*float64(contrast)
}

func distance(a, b int) int { return max(a-b, b-a) }

// alike finds the images that are like one before them, and how many there are of which no other is the very same. Two hashes that
// differ by little agree in one of four bands; in a set in which a band tells few images apart, only the last mostNear are compared.
func alike(looks []look) (found []Alike, distinct int) {
	first := map[uint64]int{}
	bands := [4]map[uint16][]int{{}, {}, {}, {}}
	for i := range looks {
		k := &looks[i]
		if !k.seen {
			continue
		}
		if before, is := first[k.exact]; is {
			found = append(found, Alike{Image: i, Before: before, Same: true})
			continue
		}
		first[k.exact] = i
		before := -1
		for b := range bands {
			key := uint16(k.frequency >> (16 * b))
			of := bands[b][key]
			if before < 0 {
				for _, j := range of[max(0, len(of)-mostNear):] {
					if near(k, &looks[j]) {
						before = j
						break
					}
				}
			}
			bands[b][key] = append(of, i)
		}
		if before >= 0 {
			found = append(found, Alike{Image: i, Before: before})
		}
	}
	return found, len(first)
}

// fileOf is the name of image i's file, "" where it has none.
func fileOf(ds Dataset, i int) string {
	switch d := ds.(type) {
	case *imageFiles:
		return d.file(i)
	case *subset:
		return fileOf(d.Dataset, d.at(i))
	case *cached:
		return fileOf(d.Dataset, i)
	case *balanced:
		return fileOf(d.Dataset, d.at(i))
	}
	return ""
}
