// Package safetensors reads and writes safetensors files (https://github.com/huggingface/safetensors, format section of
// its README) in pure Go: a length of eight bytes, a JSON header with name, dtype, shape and place of every tensor, and the
// elements, contiguous and little-endian. The tensors are those of package pt, so a state dict goes from one format to the
// other as it is.
package safetensors
