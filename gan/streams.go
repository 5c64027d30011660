package gan

import (
	"crypto/sha256"
	"encoding/binary"
)

// DataSeeds are the seeds that a run with this seed gives to a source that draws its images, and to their order.
func DataSeeds(seed uint64) (source, order uint64) {
	return stream(seed, "source"), stream(seed, "data")
}

// stream derives the seed of one use of random numbers, so that no use moves another's.
func stream(seed uint64, use string) uint64 {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("forger "+use+" "), seed))
	return binary.LittleEndian.Uint64(sum[:])
}
