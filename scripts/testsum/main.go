// Command testsum reads `go test -json` and prints what a person wants of it: the line of each package, the output of
// what failed, and at the end how many tests passed, failed and were skipped, and why those were.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action, Package, Test, Output, ImportPath string
}

type summary struct {
	passed, failed int
	broken         bool
	output         map[string][]string // by package and test, until its end is known
	skipped        int
	skips          map[string][]string // names by reason
}

func main() {
	s := summary{output: map[string][]string{}, skips: map[string][]string{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println(lines.Text()) // a tool spoke plainly
			continue
		}
		s.take(e)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
	for _, why := range slices.Sorted(maps.Keys(s.skips)) {
		names := s.skips[why]
		shown := names[:min(len(names), 12)]
		fmt.Printf("\n%d skipped, because %s:\n  %s", len(names), why, strings.Join(shown, " "))
		if len(names) > len(shown) {
			fmt.Printf(" and %d more", len(names)-len(shown))
		}
		fmt.Println()
	}
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if s.failed > 0 || s.broken || s.passed == 0 {
		os.Exit(1)
	}
}

func (s *summary) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "build-output":
		fmt.Print(e.Output)
	case "build-fail":
		s.broken = true
	case "pass", "fail", "skip":
		s.end(key, e)
		delete(s.output, key)
	}
}

func (s *summary) end(key string, e event) {
	if e.Test == "" {
		s.endPackage(key, e)
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		fmt.Print(strings.Join(s.output[key], ""))
	case "skip":
		s.skipped++
		why := reason(s.output[key])
		s.skips[why] = append(s.skips[why], strings.TrimPrefix(e.Package, "forger/")+":"+e.Test)
	}
}

// endPackage prints the package's own line, or all of its output when it failed outside a test.
func (s *summary) endPackage(key string, e event) {
	if e.Action == "fail" {
		s.broken = true
		fmt.Print(strings.Join(s.output[key], ""))
		return
	}
	for _, line := range s.output[key] {
		if strings.HasPrefix(line, "ok ") {
			fmt.Print(line)
		}
	}
}

// reason is what a skipped test said, without the file and line.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		if _, why, ok := strings.Cut(line, ": "); ok {
			return why
		}
	}
	return "no reason given"
}
