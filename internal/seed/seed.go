// Package seed derives, from the one seed of a run, a seed for each use of random numbers, so that no use moves another's.
package seed

import (
	"crypto/sha256"
	"encoding/binary"
)

// Of is the seed of one use.
func Of(seed uint64, use string) uint64 {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("forger "+use+" "), seed))
	return binary.LittleEndian.Uint64(sum[:])
}

// Data are the seeds that a run with this seed gives to a source that draws its images, and to their order.
func Data(seed uint64) (source, order uint64) { return Of(seed, "source"), Of(seed, "data") }
