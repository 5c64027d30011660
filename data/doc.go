// Package data turns files into batches of bytes: datasets, the order in which a run sees them, the loader. It knows no
// tensors and no devices.
package data
