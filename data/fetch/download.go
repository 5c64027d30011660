package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// download fills a part from one address after another.
type download struct {
	file File
	part *part
	o    Options
	most int64 // bytes the part ever had
}

// finalError is an answer that asking the same server again will not change.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// stride is how much a part must have grown for the failures to be counted anew: a server that cuts off now and then
// is borne with, one that never gets on is not.
const stride = 1 << 20

// from fills the part from one address, asking again while that may help.
func (d *download) from(ctx context.Context, address string) error {
	for failures := 0; ; {
		err := d.once(ctx, address)
		if err == nil {
			return nil
		}
		var final *finalError
		var local *localError
		if ctx.Err() != nil || errors.As(err, &final) || errors.As(err, &local) {
			return err
		}
		if failures++; d.part.size >= d.most+stride {
			failures = 1
		}
		d.most = max(d.most, d.part.size)
		if failures >= d.o.Attempts {
			return fmt.Errorf("%w (%d attempts)", err, failures)
		}
		d.o.Retrying(address, err, d.backoff(failures))
		if err := wait(ctx, d.backoff(failures)); err != nil {
			return err
		}
	}
}

func (d *download) backoff(failures int) time.Duration {
	return min(d.o.Backoff<<min(failures-1, 20), maxBackoff)
}

func wait(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once asks a server once and checks the file when it is whole.
func (d *download) once(ctx context.Context, address string) error {
	if d.part.size < d.file.Size {
		if err := d.ask(ctx, address); err != nil {
			return err
		}
	}
	err := matches(d.part.File, d.file)
	if err == nil {
		return nil
	}
	joined := d.part.joined
	if restart := d.part.restart(origin{}); restart != nil {
		return restart
	}
	err = fmt.Errorf("not the file that was published: %w", err)
	if joined { // perhaps only its pieces do not belong together
		return err
	}
	return &finalError{err}
}

// ask requests what is missing and appends it.
func (d *download) ask(ctx context.Context, address string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(d.o.Idle, func() { cancel(fmt.Errorf("the server sent nothing for %v", d.o.Idle)) })
	defer idle.Stop()
	resp, err := d.request(ctx, address)
	if err != nil {
		return reason(ctx, err)
	}
	defer resp.Body.Close()
	if err := d.accept(resp, address); err != nil {
		return err
	}
	d.o.Progress(d.file.Name, d.part.size, d.file.Size)
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			idle.Reset(d.o.Idle)
			if d.part.size+int64(n) > d.file.Size {
				return &finalError{fmt.Errorf("more than the %d bytes that were published", d.file.Size)}
			}
			if _, err := d.part.Write(buf[:n]); err != nil {
				return err
			}
			d.o.Progress(d.file.Name, d.part.size, d.file.Size)
		}
		if err == io.EOF && d.part.size < d.file.Size {
			err = io.ErrUnexpectedEOF
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return reason(ctx, fmt.Errorf("cut off at %d of %d bytes: %w", d.part.size, d.file.Size, err))
		}
	}
}

func (d *download) request(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, &finalError{err}
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.URL.Host == "" {
		return nil, &finalError{errors.New("not an http or https address")}
	}
	req.Header.Set("User-Agent", "forger")
	req.Header.Set("Accept-Encoding", "identity") // the hash is of the file as it lies there
	if d.part.size > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.part.size))
		// Another mirror's validator says nothing here; then the hash alone decides.
		if from := d.part.from; from.URL == address && from.Validator != "" {
			req.Header.Set("If-Range", from.Validator)
		}
	}
	resp, err := d.o.Client.Do(req)
	if err != nil && hopeless(err) {
		err = &finalError{err}
	}
	return resp, err
}

// hopeless tells whether a request fails in a way that waiting does not mend: no such host, or a server that is not who it
// says.
func hopeless(err error) bool {
	var host *net.DNSError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &host) && host.IsNotFound || errors.As(err, &certificate) || errors.Is(err, http.ErrSchemeMismatch)
}

// accept readies the part for the body of an answer.
func (d *download) accept(resp *http.Response, address string) error {
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent && d.part.size > 0:
		first, total, err := contentRange(resp.Header.Get("Content-Range"))
		if err == nil && total >= 0 && total != d.file.Size {
			return d.wrongSize(total)
		}
		if err != nil || first != d.part.size {
			// Not what was asked for: ask for all of it.
			return and(fmt.Errorf("it answered with the range %q", resp.Header.Get("Content-Range")), d.part.restart(origin{}))
		}
		d.part.joined = true
		return nil
	case code == http.StatusOK: // also where the range was not heeded, or the file is another one now
		if resp.ContentLength >= 0 && resp.ContentLength != d.file.Size {
			return d.wrongSize(resp.ContentLength)
		}
		return d.part.restart(origin{address, validator(resp.Header)})
	case code == http.StatusRequestedRangeNotSatisfiable:
		return and(errors.New(resp.Status), d.part.restart(origin{}))
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		return errors.New(resp.Status)
	default:
		return &finalError{errors.New(resp.Status)}
	}
}

func (d *download) wrongSize(have int64) error {
	return &finalError{fmt.Errorf("%d bytes lie there, %d were published", have, d.file.Size)}
}

// interrupted is not context.Canceled, which callers take for nothing written: other files of the set may be.
func (d *download) interrupted() error {
	if d.part.size == 0 {
		return and(errors.New("interrupted"), d.part.remove())
	}
	return fmt.Errorf("interrupted: %s keeps %d of %d bytes, and the same command goes on from there", d.part.name, d.part.size, d.file.Size)
}

// validator is what If-Range takes: a strong ETag, else the time of change.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes 5-9/10"; a total that is not told is -1.
func contentRange(text string) (first, total int64, err error) {
	rest, ok := strings.CutPrefix(text, "bytes ")
	span, size, ok2 := strings.Cut(rest, "/")
	from, _, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, fmt.Errorf("range %q: not understood", text)
	}
	if first, err = strconv.ParseInt(from, 10, 64); err != nil {
		return 0, 0, err
	}
	if size == "*" {
		return first, -1, nil
	}
	total, err = strconv.ParseInt(size, 10, 64)
	return first, total, err
}

// reason is why a request ended: that nothing came for too long, if so; without the address, which is told already.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var u *url.Error
	if !errors.As(err, &u) {
		return err
	}
	var final *finalError
	if errors.As(err, &final) {
		return &finalError{u.Err}
	}
	return u.Err
}
