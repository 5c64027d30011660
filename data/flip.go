package data

// flipping mirrors images left to right, as Flipped says.
type flipping struct {
	Dataset
	seed uint64
}

// Flipped tells whether image i of an epoch is mirrored: a fair coin for each seed, epoch and image.
func Flipped(seed uint64, epoch, i int) bool {
	return mix(mix(seed^0x466C6970)^mix(uint64(epoch)<<32|uint64(i)))>>63 != 0
}

func (f *flipping) Read(epoch, i int, dst []byte) error {
	if err := f.Dataset.Read(epoch, i, dst); err != nil {
		return err
	}
	if Flipped(f.seed, epoch, i) {
		shape := f.Shape()
		row := shape.Width * shape.Channels
		for y := range shape.Height {
			mirror(dst[y*row:(y+1)*row], shape.Channels)
		}
	}
	return nil
}

// mirror reverses the pixels of a row, each of so many bytes.
func mirror(row []byte, channels int) {
	for l, r := 0, len(row)-channels; l < r; l, r = l+channels, r-channels {
		for c := range channels {
			row[l+c], row[r+c] = row[r+c], row[l+c]
		}
	}
}

func (f *flipping) skipped() []Skip { return Skipped(f.Dataset) }

// Plain is a dataset without the flips that Options.Flip asked for, and whether there were any: for those who flip
// elsewhere, by Flipped.
func Plain(ds Dataset) (inner Dataset, flips bool) {
	if f, ok := ds.(*flipping); ok {
		return f.Dataset, true
	}
	return ds, false
}

// SameEachEpoch reports whether an image of a dataset is the same in every epoch, flips aside.
func SameEachEpoch(ds Dataset) bool {
	for _, spec := range parts(ds.Spec()) {
		if _, _, src, err := Parse(spec); err != nil || src.drawn {
			return false
		}
	}
	return true
}
