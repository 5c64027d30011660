package gan

import (
	"crypto/sha256"
	"encoding/binary"
)

// stream derives the seed of one use of random numbers, so that no use moves another's.
func stream(seed uint64, use string) uint64 {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("forger "+use+" "), seed))
	return binary.LittleEndian.Uint64(sum[:])
}
