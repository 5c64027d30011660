package board

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browser is a real one, and what its pages asked for and complained of.
type browser struct {
	context.Context
	mu         sync.Mutex
	asked      []string
	complaints []string
}

// newBrowser starts a Chromium; without one nothing of the page is seen to work.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("SKIPPED: no Chromium here: the page was opened in no browser: run scripts/setup --tests, or sudo apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 900), chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &browser{Context: ctx}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			b.asked = append(b.asked, e.Request.URL)
		case *runtime.EventExceptionThrown:
			b.complaints = append(b.complaints, fmt.Sprintf("%+v", *e.ExceptionDetails))
		case *runtime.EventConsoleAPICalled:
			b.complaints = append(b.complaints, string(e.Type))
		case *log.EventEntryAdded:
			b.complaints = append(b.complaints, e.Entry.Text)
		}
	}))
	call(t, b, network.Enable, network.EnableParams{})
	call(t, b, log.Enable, cdp.Empty{})
	call(t, b, runtime.Enable, cdp.Empty{})
	return b
}

// call sends the browser a command.
func call[P, R any](t *testing.T, b *browser, command cdp.Command[P, R], given P) {
	t.Helper()
	_, err := chromedp.Call(b, command, given)
	require.NoError(t, err)
}

type action = chromedp.Action[chromedp.Void]

// do runs actions, and keeps a picture of the page where FORGER_TEST_SHOTS names a folder.
func (b *browser) do(t *testing.T, shot string, actions ...action) {
	t.Helper()
	if err := chromedp.Do(b, actions...); err != nil {
		seen, failed := chromedp.Run(b, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
		b.mu.Lock()
		defer b.mu.Unlock()
		require.NoError(t, errors.Join(err, failed), "%s\n%s", seen, b.complaints)
	}
	if dir := os.Getenv("FORGER_TEST_SHOTS"); dir != "" && shot != "" {
		png, err := chromedp.Run(b, chromedp.FullScreenshot(100))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, shot+".png"), png, 0o644))
	}
}

// got is what a line of JavaScript is in the page.
func got[T any](t *testing.T, b *browser, script string) T {
	t.Helper()
	v, err := chromedp.Run(b, chromedp.Evaluate[T](script))
	require.NoError(t, err, script)
	return v
}

// script runs a line of JavaScript in the page.
func script(text string) action { return chromedp.Evaluate[chromedp.Void](text) }

// until waits for a line of JavaScript to be true; what is not there yet is not.
func until(text string) action {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Poll[bool]("(() => { try { return "+text+" } catch { return false } })()", chromedp.WithPollingTimeout(20*time.Second), chromedp.WithPollingInterval(50*time.Millisecond))(ctx, t)
		if err != nil {
			err = fmt.Errorf("%s: %w", text, err)
		}
		return chromedp.Void{}, err
	}
}

// clean asks that every request went to one place, and that no page complained.
func (b *browser) clean(t *testing.T, to string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.NotEmpty(t, b.asked)
	for _, u := range b.asked {
		assert.True(t, strings.HasPrefix(u, to) || strings.HasPrefix(u, "data:image/png;"), u)
	}
	assert.Empty(t, b.complaints)
	b.asked, b.complaints = nil, nil
}

// drawn reports whether every plot has ink of its own: more than two colours.
const drawn = `[...document.querySelectorAll(".plot canvas")].every(c => {
	const copy = Object.assign(document.createElement("canvas"), {width: c.width, height: c.height}); // its own warns of being read often
	const pen = copy.getContext("2d", {willReadFrequently: true});
	pen.drawImage(c, 0, 0);
	const all = pen.getImageData(0, 0, c.width, c.height).data, seen = new Set();
	for (let i = 0; i < all.length; i += 4) if (all[i + 3] > 200) seen.add(all[i] << 16 | all[i + 1] << 8 | all[i + 2]);
	return seen.size > 2; })`

// Everything that the page is for, in a real browser: the list, a run, its grids, two runs compared, a run that grows, and
// the report from the disk.
func TestThePageInABrowser(t *testing.T) {
	dir := t.TempDir()
	first := made{dir: filepath.Join(dir, "a <b>bold</b> run"), step: 600, steps: 600, lr: 2e-4, height: 1}
	second := made{dir: filepath.Join(dir, "sub", "second"), step: 500, steps: 2000, lr: 1e-3, height: 2}
	first.write(t)
	second.write(t)
	second.lock(t) // it is training for as long as this takes
	require.NoError(t, os.WriteFile(filepath.Join(first.dir, alertsFile), []byte(`{"step":300,"kind":"saturated","text":"step 300: <script>alert(1)</script>"}`+"\n"), 0o644))
	b, err := Open([]string{dir})
	require.NoError(t, err)
	s, err := b.Listen("127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- s.Serve(ctx) }()
	page := newBrowser(t)

	page.do(t, "list", chromedp.Navigate(s.URL), until(`document.querySelectorAll(".runs tbody tr").length === 2`))
	assert.Equal(t, []any{"a <b>bold</b> run", "sub/second"}, got[[]any](t, page, `[...document.querySelectorAll(".name a")].map(a => a.textContent)`))
	assert.Equal(t, []any{"finished", "training"}, got[[]any](t, page, `[...document.querySelectorAll(".state")].map(a => a.textContent)`))
	page.do(t, "", chromedp.SendKeys("input[type=search]", "lr=0.001"), until(`document.querySelectorAll(".runs tbody tr").length === 1 && document.querySelector(".bar .soft").textContent === "1 of 2 runs"`),
		script(`{ const s = document.querySelector("input[type=search]"); s.value = ""; s.dispatchEvent(new Event("input")) }`),
		until(`document.querySelectorAll(".runs tbody tr").length === 2`))
	page.do(t, "", chromedp.Click(`//th/button[text()="Loss D"]`), until(`document.querySelector(".name a").textContent === "sub/second" && document.querySelector("th[aria-sort=descending]").textContent === "Loss D"`))

	page.do(t, "run", chromedp.Click(`//a[text()="a <b>bold</b> run"]`), until(`document.querySelectorAll(".chart").length === 6 && document.querySelectorAll(".grids img").length === 2`),
		until(`[...document.querySelectorAll(".grids img")].every(i => i.naturalWidth === 146)`), until(drawn))
	assert.Equal(t, "step 300: <script>alert(1)</script>", got[string](t, page, `document.querySelector(".alerts li").lastChild.textContent`))
	assert.Contains(t, got[string](t, page, `document.querySelector(".plot").getAttribute("aria-label")`), "Loss: D 0.")
	at := `new URL(document.querySelector(".grids img").src).searchParams.get("name")`
	assert.Equal(t, "step-00000600.png", got[string](t, page, at))
	page.do(t, "", script(`document.activeElement.blur(); document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft", bubbles: true}))`), until(at+` === "step-00000500.png"`))
	page.do(t, "", chromedp.Focus(".slide input"), chromedp.KeyEvent(kb.ArrowLeft), until(at+` === "step-00000400.png"`), chromedp.KeyEvent(kb.ArrowRight), until(at+` === "step-00000500.png"`))
	assert.Equal(t, "step 500", got[string](t, page, `document.querySelector(".slide input").getAttribute("aria-valuetext")`))
	page.do(t, "", chromedp.Click(`//button[text()="Read"]`), until(`document.body.textContent.includes("1 tensors, 12 numbers")`))
	page.do(t, "log", chromedp.Click(`//button[text()="Log scale"]`), until(`document.querySelector("button[aria-pressed=true]").textContent === "Log scale"`), until(drawn))

	page.do(t, "two", script(`{ const s = document.querySelector(".chips select"); s.selectedIndex = 1; s.dispatchEvent(new Event("change")) }`),
		until(`document.querySelectorAll(".grids img").length === 3 && document.querySelectorAll(".chart").length === 8`), until(drawn))
	assert.Equal(t, []any{"lr", "steps"}, got[[]any](t, page, `[...document.querySelectorAll(".differs td:first-child")].map(e => e.textContent)`), "the settings that differ")
	assert.Equal(t, []any{"step 600", "step 500"}, got[[]any](t, page, `[...document.querySelectorAll(".grids figcaption")].filter(e => e.textContent !== "Real").map(e => e.textContent.split(", ")[1])`))

	page.do(t, "", script(`location.hash = "#/run/"+`+fmt.Sprintf("%q", idOf(b, "sub/second"))), until(`document.querySelector("h1").textContent === "sub/second" && document.querySelectorAll(".chart").length === 6`))
	assert.Contains(t, got[string](t, page, `document.querySelector("progress + .small").textContent`), "500 / 2,000 · ")
	second.grow(t, 510)
	second.grid(t, "step-00000510.png", 9)
	page.do(t, "live", until(`document.querySelector("progress + .small").textContent.startsWith("510 / 2,000")`), until(at+` === "step-00000510.png"`))

	call(t, page, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 2, Mobile: true})
	page.do(t, "phone", until(`document.documentElement.scrollWidth <= 390`), until(drawn))
	call(t, page, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	page.do(t, "dark", until(drawn))
	page.do(t, "", chromedp.Click(`//button[text()="Baseline"]`), until(`document.querySelector("button[aria-pressed=true]").textContent === "Baseline"`))
	page.do(t, "phone-list", script(`location.hash = "#/"`), until(`document.querySelectorAll(".runs tbody tr").length === 2 && document.documentElement.scrollWidth <= 390`))
	assert.Equal(t, []any{"sub/second"}, got[[]any](t, page, `[...document.querySelectorAll(".pin")].map(e => e.parentNode.querySelector("a").textContent)`))
	assert.Empty(t, got[[]any](t, page, `[...document.querySelectorAll("button, input, select, a[href]")].filter(e => !(e.textContent.trim() || e.getAttribute("aria-label"))).map(e => e.outerHTML)`), "everything has a name")
	page.clean(t, s.URL)
	page.do(t, "", chromedp.Navigate("about:blank"))
	page.mu.Lock()
	page.asked, page.complaints = nil, nil
	page.mu.Unlock()
	stop()
	require.NoError(t, <-ended)

	out := filepath.Join(dir, "report.html")
	k, err := b.Report(t.Context(), ReportOptions{Out: out, MaxMB: 20})
	require.NoError(t, err)
	assert.Equal(t, 2, k.Runs)
	file := (&url.URL{Scheme: "file", Path: out}).String()
	call(t, page, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
	page.do(t, "report", chromedp.Navigate(file), until(`document.querySelectorAll(".runs tbody tr").length === 2`),
		script(`location.hash = "#/run/"+`+fmt.Sprintf("%q", idOf(b, "sub/second"))), until(`document.querySelectorAll(".chart").length === 6 && [...document.querySelectorAll(".grids img")].every(i => i.naturalWidth === 146)`), until(drawn))
	page.clean(t, file)
}

// idOf is the id of the run of a name.
func idOf(b *Board, name string) string {
	for _, s := range b.list() {
		if s.Name == name {
			return s.ID
		}
	}
	return ""
}
