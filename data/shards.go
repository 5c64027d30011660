package data

import (
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
)

// shardRange is a range of numbers in a name: shards-{000..099}.tar.
var shardRange = regexp.MustCompile(`\{(\d{1,9})\.\.(\d{1,9})\}`)

// shards are the files that a path with ranges names, in their order; a file of that very name is itself. Numbers have as
// many digits as those they go from.
func shards(path string) ([]string, error) {
	if _, err := os.Lstat(path); err == nil {
		return []string{path}, nil
	}
	all := []string{path}
	for at := shardRange.FindStringSubmatchIndex(path); at != nil; at = shardRange.FindStringSubmatchIndex(all[0]) {
		var more []string
		for _, name := range all {
			at := shardRange.FindStringSubmatchIndex(name) // names differ in length where numbers outgrow their digits
			first, last := name[at[2]:at[3]], name[at[4]:at[5]]
			from, err := strconv.Atoi(first)
			to, err2 := strconv.Atoi(last)
			if err := errors.Join(err, err2); err != nil {
				return nil, err
			}
			if to < from || len(more)+to-from >= math.MaxUint16 {
				return nil, fmt.Errorf("{%s..%s}: no range of at most %d files: write the lower number first", first, last, math.MaxUint16)
			}
			for n := from; n <= to; n++ {
				more = append(more, fmt.Sprintf("%s%0*d%s", name[:at[0]], len(first), n, name[at[1]:]))
			}
		}
		all = more
	}
	return all, nil
}
