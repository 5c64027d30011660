package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// withSignals ends the context at the first SIGINT, SIGTERM or SIGHUP, so that the work in hand is finished and saved,
// and calls abort at the second. What was ignored when the program began, as nohup ignores SIGHUP, stays ignored.
func withSignals(parent context.Context, abort func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		for n := 0; ; n++ {
			if _, ok := <-signals; !ok {
				return
			}
			if n > 0 {
				abort()
				return
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}

// outliveReaders lets the program go on when nobody reads what it prints any more: by default the next line would end it.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }
