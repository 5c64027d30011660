// Package vision is pixels: decoding, resizing, cropping, grids, PNG and GIF files. Pixels are uint8 [H,W,C], C being 1 (gray)
// or 3 (RGB). It knows no tensors.
package vision
