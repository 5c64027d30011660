package board

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// heldLocks are the files that a process has locked, by device and inode, as far as this process may know. They are read
// from the kernel's list: to try a lock would take it from who wants it.
func heldLocks() map[string]bool {
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil
	}
	held := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		// 1: FLOCK  ADVISORY  WRITE 12221 fe:00:10004178 0 EOF
		if words := strings.Fields(line); len(words) > 5 && words[1] == "FLOCK" && words[3] == "WRITE" {
			held[words[5]] = true
		}
	}
	return held
}

// lockOf is a run's lock as heldLocks has it; "" where there is none.
func lockOf(root *os.Root) string {
	info, err := root.Lstat(".lock")
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
}
