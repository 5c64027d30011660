"use strict";

(() => {
	const {Chart, number} = Charts;
	const main = document.getElementById("main"), live = document.getElementById("live");

	// el makes an element. What comes from runs is text, never markup.
	function el(name, given, ...inner) {
		const e = document.createElement(name);
		for (const [k, v] of Object.entries(given || {})) {
			if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
			else if (k in e && k !== "list") e[k] = v;
			else e.setAttribute(k, v);
		}
		e.append(...inner.flat().filter(x => x != null && x !== false));
		return e;
	}
	const count = n => Math.round(n).toLocaleString("en-US");
	const percent = v => (100 * v).toFixed(v < .0995 ? 1 : 0) + " %";
	function lasting(s) {
		if (!(s >= 0)) return "";
		if (s < 90) return Math.round(s) + " s";
		const min = Math.round(s / 60);
		if (min < 90) return min + " min";
		const h = Math.floor(min / 60);
		return h < 48 ? h + " h " + min % 60 + " min" : Math.round(h / 24) + " days";
	}
	const ago = t => t ? lasting(Math.max(0, Date.now() / 1000 - t)) + " ago" : "";
	const bytes = n => n >= 1e9 ? (n / 1e9).toFixed(2) + " GB" : n >= 1e6 ? (n / 1e6).toFixed(1) + " MB" : n >= 1e3 ? (n / 1e3).toFixed(1) + " kB" : n + " B";

	// A source is where runs come from: the server, or the page itself.
	async function ask(path, args) {
		const r = await fetch("api/" + path + (args ? "?" + new URLSearchParams(args) : ""));
		if (!r.ok) throw new Error((await r.text()).trim());
		return r.json();
	}
	const server = {
		live: true,
		runs: () => ask("runs"),
		run: id => ask("run", {id}),
		series: (id, range) => ask("series", range ? {id, from: Math.floor(range[0]), to: Math.ceil(range[1])} : {id}),
		checkpoint: (id, name) => ask("checkpoint", {id, name}),
		picture: (id, name) => "api/picture?" + new URLSearchParams({id, name}),
		listen(take) {
			const events = new EventSource("api/events");
			let gone = false;
			events.onopen = async () => {
				live.textContent = "live";
				if (gone) take({runs: await server.runs(), gone: []});
				gone = false;
			};
			events.onerror = () => { gone = true; live.textContent = "not connected"; };
			events.onmessage = e => take(JSON.parse(e.data));
		},
	};
	function inlined(data) {
		const of = id => data.runs.find(r => r.run.id === id);
		return {
			live: false,
			runs: async () => data.runs.map(r => r.run),
			run: async id => of(id).run,
			series: async id => of(id).series,
			checkpoint: async (id, name) => {
				const found = (of(id).saved || {})[name];
				if (!found) throw new Error("it was not read for this report");
				return found;
			},
			picture: (id, name) => (of(id).files || {})[name],
			listen: () => { live.textContent = "as of " + data.made; },
		};
	}
	const inline = document.getElementById("data");
	const source = inline ? inlined(JSON.parse(inline.textContent)) : server;

	const kept = {
		get: () => { try { return localStorage.getItem("forger.baseline") || ""; } catch { return ""; } },
		set: id => { try { localStorage.setItem("forger.baseline", id); } catch { /* a page from the disk may keep nothing */ } },
	};
	let baseline = kept.get();
	const runs = new Map();
	let view = null; // what is shown: list or run

	const stateOf = r => el("span", {className: "state " + r.state}, r.state);
	const ill = r => r.ill && r.ill !== r.state && el("span", {className: "ill"}, r.ill);
	function progress(r) {
		const way = r.total ? Math.min(1, r.step / r.total) : 0;
		const text = r.total ? count(r.step) + " / " + count(r.total) : count(r.step) + " steps";
		const left = r.state === "training" && r.left > 0 ? " · " + lasting(r.left) + " left" : "";
		return [r.total > 0 && el("progress", {max: 1, value: way, "aria-label": "progress"}), el("span", {className: "small soft"}, text + left)];
	}
	const firstEval = r => Object.keys(r.figures).sort().find(k => k.startsWith("eval_"));

	// The list of all runs.
	function list() {
		let filter = "", order = "name", down = false;
		const rows = new Map(), chosen = new Set();
		const columns = [
			{key: "picture", title: ""},
			{key: "name", title: "Run", by: r => r.name},
			{key: "state", title: "State", by: r => r.state},
			{key: "step", title: "Progress", by: r => r.step},
			{key: "loss_d", title: "Loss D", by: r => r.figures.loss_d, n: true},
			{key: "loss_g", title: "Loss G", by: r => r.figures.loss_g, n: true},
			{key: "eval", title: "Evaluation", by: r => r.figures[firstEval(r)], n: true},
			{key: "rate", title: "Images/s", by: r => r.figures.images_per_second, n: true},
			{key: "wait", title: "Data wait", by: r => r.figures.data_wait, n: true},
			{key: "changed", title: "Changed", by: r => r.changed, n: true},
			{key: "pick", title: ""},
		];
		const search = el("input", {type: "search", placeholder: "Filter: name, state, setting …", "aria-label": "Filter runs", oninput: () => { filter = search.value.toLowerCase(); draw(); }});
		const total = el("span", {className: "soft", role: "status"});
		const together = el("button", {type: "button", hidden: true, onclick: () => { const [first, ...rest] = chosen; go(first, rest); }});
		const heads = columns.map(c => el("th", {scope: "col", className: c.n ? "n" : ""}, c.by ? el("button", {type: "button", onclick: () => { down = order === c.key ? !down : Boolean(c.n); order = c.key; draw(); }}, c.title) : c.title));
		const body = el("tbody");
		const empty = el("p", {className: "none"});
		main.replaceChildren(el("h1", {}, "Runs"), el("div", {className: "bar"}, search, total, el("span", {className: "grow"}), together), el("div", {className: "scroll"}, el("table", {className: "runs"}, el("thead", {}, el("tr", {}, heads)), body)), empty, footer());

		function row(r) {
			let tr = rows.get(r.id);
			if (tr && tr.mark === r.mark && tr.pinned === baseline) return tr;
			const wasPicked = chosen.has(r.id);
			const picture = r.picture && source.picture(r.id, r.picture);
			const named = firstEval(r);
			const figure = (label, text, key) => el("td", {className: "n" + (key ? " key-figure" : ""), "data-label": label}, text);
			const cells = [
				el("td", {}, picture ? el("img", {src: picture, alt: "", loading: "lazy"}) : el("div", {className: "blank"})),
				el("td", {className: "name"}, el("a", {href: link(r.id)}, r.name), r.id === baseline && el("span", {className: "pin"}, "baseline"), el("div", {className: "small soft"}, r.about)),
				el("td", {className: "how"}, stateOf(r), ill(r)),
				el("td", {className: "way"}, progress(r)),
				figure("loss D", number(r.figures.loss_d)), figure("loss G", number(r.figures.loss_g), true),
				figure("", named ? [el("span", {className: "soft small"}, named.slice(5) + " "), number(r.figures[named])] : "–", named),
				figure("images/s", number(r.figures.images_per_second)),
				figure("data wait", r.figures.data_wait == null ? "–" : percent(r.figures.data_wait)),
				figure("changed", el("span", {className: "soft", title: new Date(r.changed * 1000).toLocaleString()}, ago(r.changed))),
				el("td", {className: "pick"}, el("input", {type: "checkbox", checked: wasPicked, "aria-label": "compare " + r.name, onchange: e => { e.target.checked ? chosen.add(r.id) : chosen.delete(r.id); draw(); }})),
			];
			if (tr) tr.replaceChildren(...cells); else tr = el("tr", {}, cells);
			tr.mark = r.mark;
			tr.pinned = baseline;
			rows.set(r.id, tr);
			return tr;
		}

		function draw() {
			const words = filter.split(/\s+/).filter(Boolean);
			const shown = [...runs.values()].filter(r => { const text = [r.name, r.state, r.ill, r.about, r.settings].join(" ").toLowerCase(); return words.every(w => text.includes(w)); });
			const by = columns.find(c => c.key === order).by, sign = down ? -1 : 1;
			shown.sort((a, b) => {
				const x = by(a), y = by(b);
				if (x == null || y == null) return (x == null) - (y == null);
				return sign * (typeof x === "string" ? x.localeCompare(y, undefined, {numeric: true}) : x - y);
			});
			heads.forEach((h, i) => columns[i].key === order ? h.setAttribute("aria-sort", down ? "descending" : "ascending") : h.removeAttribute("aria-sort"));
			const want = shown.map(row);
			want.forEach((tr, i) => { if (body.children[i] !== tr) body.insertBefore(tr, body.children[i] || null); });
			while (body.children.length > want.length) body.lastChild.remove();
			for (const id of [...chosen]) if (!runs.has(id)) chosen.delete(id);
			together.hidden = chosen.size < 2;
			together.textContent = "Compare " + chosen.size + " runs";
			total.textContent = shown.length === runs.size ? count(runs.size) + (runs.size === 1 ? " run" : " runs") : count(shown.length) + " of " + count(runs.size) + " runs";
			empty.textContent = runs.size === 0 ? "No runs here yet: forger train makes one." : shown.length === 0 ? "No run has all of these words." : "";
		}
		document.title = "Forger: runs";
		draw();
		return {changed: draw, search, close() {}};
	}

	const link = (id, others) => "#/run/" + id + (others && others.length ? "?with=" + others.join(",") : "");
	const go = (id, others) => { location.hash = link(id, others); };
	const footer = () => el("footer", {}, el("kbd", {}, "/"), " filter  ", el("kbd", {}, "←"), " ", el("kbd", {}, "→"), " steps of the grids  ", el("kbd", {}, "Esc"), " all runs. In a chart: drag to zoom, double-click for all of it.");

	// Figures that share a chart; the others have one each.
	const shared = ["loss", "score", "memory"];
	const titles = {"loss": "Loss", "score": "Scores", "memory": "Memory (MiB)", "speed/images_per_second": "Images a second", "speed/data_wait": "Data wait (share)", "samples/diversity": "Diversity of the samples"};
	const labels = {"loss/d": "D", "loss/g": "G", "score/real": "D(x)", "score/fake": "D(G(z))"};
	const rank = ["loss", "score", "eval", "samples", "method", "speed", "memory"];

	// The page of a run, with others beside it.
	function page(id, others) {
		const shown = [id, ...others.filter(o => o !== id)];
		if (baseline && runs.has(baseline) && !shown.includes(baseline)) shown.push(baseline);
		const details = new Map(), series = new Map(), charts = new Map();
		let closed = false, range = null, smoothing = 0, log = false, time = false, at = null, timer = 0, onlyDiffering = shown.length > 1;
		const colorOf = new Map(shown.map((r, i) => [r, r === baseline && r !== id ? 7 : i % 7]));

		const head = el("div"), gridsBox = el("div"), chartsBox = el("div", {className: "charts"}), alertsBox = el("div"), settingsBox = el("div"), savedBox = el("div"), told = el("p", {className: "none", role: "status"});
		const toggle = (text, on) => { const b = el("button", {type: "button", "aria-pressed": "false", onclick: () => { const now = b.getAttribute("aria-pressed") !== "true"; b.setAttribute("aria-pressed", now); on(now); drawCharts(); }}, text); return b; };
		const smoother = el("input", {type: "range", min: 0, max: 99, value: 0, "aria-label": "Smoothing", oninput: () => { smoothing = smoother.value / 100; drawCharts(); }});
		const whole = el("button", {type: "button", hidden: true, onclick: () => zoom(null)}, "Whole run");
		const bar = el("div", {className: "bar"}, el("label", {className: "soft"}, "Smoothing ", smoother), toggle("Log scale", v => log = v), toggle("Over time", v => { time = v; range = null; whole.hidden = true; }), whole);
		const chartsHead = el("section", {"aria-label": "Charts"}, el("h2", {}, "Charts"), bar, chartsBox);
		main.replaceChildren(head, el("section", {"aria-label": "Samples"}, gridsBox), chartsHead, el("div", {className: "two"}, el("section", {"aria-label": "Alerts"}, alertsBox), el("section", {"aria-label": "Checkpoints"}, savedBox)), el("section", {"aria-label": "Settings"}, settingsBox), told, footer());

		// The grids: one element for each run and for the real data, a slider over all steps.
		const slider = el("input", {type: "range", min: 0, max: 0, value: 0, step: 1, "aria-label": "Step of the grids", oninput: () => { at = steps()[slider.value]; showGrids(); }});
		const stepText = el("output", {className: "soft"});
		const play = el("button", {type: "button", "aria-label": "Play the grids", onclick: () => playing ? stop() : start()}, "Play");
		let playing = 0;
		const grids = new Map();
		const steps = () => [...new Set(shown.flatMap(r => (details.get(r) || {pictures: []}).pictures.map(p => p.step)))].sort((a, b) => a - b);
		function start() {
			play.textContent = "Pause";
			if (+slider.value >= +slider.max) at = steps()[0];
			playing = setInterval(() => { if (+slider.value >= +slider.max) return stop(); move(1); }, 125);
			showGrids();
		}
		function stop() { clearInterval(playing); playing = 0; play.textContent = "Play"; }
		function move(by) {
			const all = steps(), i = Math.max(0, Math.min(all.length - 1, +slider.value + by));
			at = all[i];
			showGrids();
		}
		function figure(key, caption) {
			let f = grids.get(key);
			if (!f) {
				const img = el("img", {onload: () => img.classList.toggle("few", img.naturalWidth < 700), onerror: () => { f.caption.textContent = caption + ": left out"; }}), text = el("figcaption");
				f = {box: el("figure", {}, text, img), img, caption: text};
				grids.set(key, f);
			}
			return f;
		}
		function put(f, run, name, caption) {
			f.caption.textContent = caption;
			f.img.alt = caption;
			const src = source.picture(run, name);
			if (src && f.img.getAttribute("src") !== src) f.img.src = src;
		}
		function showGrids() {
			const all = steps(), i = at == null ? all.length - 1 : Math.max(0, all.findLastIndex(s => s <= at));
			slider.max = Math.max(0, all.length - 1);
			slider.value = i;
			const step = all[i];
			stepText.textContent = all.length ? "step " + count(step) : "";
			slider.setAttribute("aria-valuetext", stepText.textContent);
			const boxes = [];
			for (const r of shown) {
				const d = details.get(r);
				const p = d && d.pictures.findLast(p => p.step <= step);
				if (!p) continue;
				const f = figure(r, d.name);
				put(f, r, p.name, (shown.length > 1 ? d.name + ", " : "Samples, ") + "step " + count(p.step));
				boxes.push(f.box);
				const next = d.pictures.find(p => p.step > step), url = next && source.live && source.picture(r, next.name);
				if (url) new Image().src = url;
			}
			const d = details.get(id);
			if (d && d.real && boxes.length) {
				const f = figure("real", "Real");
				put(f, id, d.real, "Real");
				boxes.splice(1, 0, f.box);
			}
			if (!boxes.length) return gridsBox.replaceChildren();
			if (!gridsBox.firstChild) gridsBox.append(el("h2", {}, "Samples"), el("div", {className: "grids"}), el("div", {className: "slide"}, play, slider, stepText));
			const place = gridsBox.children[1];
			boxes.forEach((b, i) => { if (place.children[i] !== b) place.insertBefore(b, place.children[i] || null); });
			while (place.children.length > boxes.length) place.lastChild.remove();
			gridsBox.children[2].hidden = all.length < 2;
		}

		// The charts.
		function curvesOf(r, f, label, key) {
			const s = series.get(r);
			const seconds = time && s.figures.find(g => g.name === "seconds");
			const x = time ? (seconds ? seconds.mean : []) : s.steps;
			const curve = {x, mean: f.mean, least: f.least, largest: f.largest, label, key, color: Charts.color(key), dashed: r === baseline && r !== id};
			if (!time) return curve;
			// A place without a time has none on this axis.
			let before = -1;
			const keep = x.map((v, i) => { const ok = v != null && v > before; if (ok) before = v; return ok; });
			const only = all => all && all.filter((_, i) => keep[i]);
			return {...curve, x: only(x), mean: only(f.mean), least: only(f.least), largest: only(f.largest)};
		}
		function drawCharts() {
			if (closed) return;
			const wanted = new Map(); // chart: its curves
			const several = shown.filter(r => series.has(r)).length > 1;
			for (const r of shown) {
				const s = series.get(r);
				for (const f of s ? s.figures : []) {
					if (f.group === "progress") continue;
					const together = shared.includes(f.group) && !several;
					const key = together ? f.group : f.group + "/" + f.short;
					const name = labels[f.group + "/" + f.short] || f.short;
					const label = several ? details.get(r).name : together ? name : "";
					if (!wanted.has(key)) wanted.set(key, {group: f.group, short: name, curves: []});
					const w = wanted.get(key);
					w.curves.push(curvesOf(r, f, label, several ? colorOf.get(r) : together ? w.curves.length : 0));
				}
			}
			const keys = [...wanted.keys()].sort((a, b) => {
				const place = k => { const i = rank.indexOf(wanted.get(k).group); return i < 0 ? rank.length : i; };
				return place(a) - place(b);
			});
			for (const [key, c] of charts) if (!wanted.has(key)) { c.close(); c.element.remove(); charts.delete(key); }
			keys.forEach((key, i) => {
				const w = wanted.get(key);
				let c = charts.get(key);
				const box = c ? c.element : el("div");
				if (chartsBox.children[i] !== box) chartsBox.insertBefore(box, chartsBox.children[i] || null);
				if (!c) {
					const group = w.group === "eval" ? "Evaluation" : titles[w.group];
					c = new Chart(box, titles[key] || (group ? group + ": " + w.short : w.short), {zoom});
					charts.set(key, c);
				}
				c.show(w.curves.filter(c => c.x.length > 0), {log, time, smoothing, range});
			});
			chartsHead.hidden = wanted.size === 0;
		}
		async function zoom(from, to) {
			range = from == null ? null : [from, to];
			whole.hidden = !range;
			drawCharts();
			if (!time && source.live) await readSeries(shown);
		}

		function drawHead() {
			const r = details.get(id), f = r.figures;
			const fact = (text, value) => value && [el("span", {}, text + " ", el("b", {}, value))];
			const chips = shown.map(o => {
				const d = details.get(o) || runs.get(o);
				const key = el("i", {className: "key k" + colorOf.get(o)});
				return o === id ? el("span", {className: "chip own"}, key, d.name) : el("span", {className: "chip"}, key, el("a", {href: link(o, shown.filter(x => x !== o && x !== baseline))}, d.name), o === baseline ? " baseline" : "",
					el("button", {type: "button", "aria-label": "remove " + d.name, onclick: () => { if (o === baseline) pin(""); go(id, others.filter(x => x !== o)); route(); }}, "×"));
			});
			const rest = [...runs.values()].filter(o => !shown.includes(o.id)).sort((a, b) => a.name.localeCompare(b.name, undefined, {numeric: true}));
			const add = el("select", {"aria-label": "Compare with another run", onchange: () => go(id, [...others, add.value])}, el("option", {value: ""}, "Compare with …"), rest.map(o => el("option", {value: o.id}, o.name)));
			const pinned = el("button", {type: "button", "aria-pressed": String(baseline === id), title: "Shown beside every run", onclick: () => { pin(baseline === id ? "" : id); route(); }}, "Baseline");
			head.replaceChildren(
				el("div", {className: "head"}, el("h1", {}, r.name), stateOf(r), ill(r) || "", el("span", {className: "soft"}, r.about)),
				el("div", {}, progress(r)),
				el("p", {className: "facts"}, fact("trained", lasting(r.seconds)), fact("images/s", f.images_per_second && number(f.images_per_second)), fact("data wait", f.data_wait != null && percent(f.data_wait)), fact("host", f.host_mib && count(f.host_mib) + " MiB"), fact("device", f.device_mib && count(f.device_mib) + " MiB"), fact("changed", ago(r.changed))),
				runs.size > 1 || shown.length > 1 ? el("div", {className: "chips"}, chips.length > 1 ? chips : null, rest.length ? add : null, runs.size > 1 ? pinned : null) : "");
			document.title = r.name + ": " + r.state;
		}
		function drawAlerts() {
			const all = details.get(id).warned;
			alertsBox.replaceChildren(el("h2", {}, "Alerts"), all.length ? el("ul", {className: "alerts"}, all.map(a => el("li", {className: a.over ? "over" : ""}, el("span", {className: "kind"}, a.over ? a.kind + ": over" : a.kind), " ", a.text))) : el("p", {className: "soft"}, "None."));
		}
		function drawSaved() {
			const all = details.get(id).checkpoints;
			const body = all.slice().reverse().map(c => {
				const say = el("td", {className: "n"}), row = el("tr", {}, el("td", {}, c.name), el("td", {className: "n"}, bytes(c.bytes)), el("td", {className: "n soft"}, ago(c.time)), say);
				const read = el("button", {type: "button", "aria-label": "what " + c.name + " holds", onclick: async () => {
					read.disabled = true;
					const info = el("tr", {}, el("td", {colSpan: 4}));
					try { info.firstChild.append(describe(await source.checkpoint(id, c.name))); } catch (e) { info.firstChild.append(el("span", {className: "soft"}, e.message)); }
					row.after(info);
					read.remove();
				}}, "Read");
				say.append(read);
				return row;
			});
			savedBox.replaceChildren(el("h2", {}, "Checkpoints"), all.length ? el("table", {className: "plain"}, el("tbody", {}, body)) : el("p", {className: "soft"}, "None yet."));
		}
		function describe(info) {
			const rows = [["step", count(info.step) + ", " + count(info.images) + " images"], ["data", info.data], ...info.parts.map(p => [p.name, count(p.tensors) + " tensors, " + count(p.numbers) + " numbers"]), ...Object.entries(info.meta).filter(([k]) => k !== "data").sort(), ["every byte", "as written"]];
			return el("table", {className: "plain"}, el("tbody", {}, rows.map(([k, v]) => el("tr", {}, el("td", {className: "soft"}, k), el("td", {}, String(v))))));
		}
		function drawSettings() {
			const have = shown.filter(r => details.has(r)), maps = have.map(r => new Map(details.get(r).all.map(s => [s.name, s.value])));
			const names = [...new Set(maps.flatMap(m => [...m.keys()]))], differs = n => new Set(maps.map(m => m.get(n))).size > 1;
			const many = have.length > 1, rows = names.filter(n => !many || !onlyDiffering || differs(n));
			const only = el("label", {className: "small soft"}, el("input", {type: "checkbox", checked: onlyDiffering, onchange: e => { onlyDiffering = e.target.checked; drawSettings(); }}), " only what differs");
			const value = m => n => m.has(n) ? m.get(n) : "–";
			const table = (some) => el("table", {className: "plain"}, many && el("thead", {}, el("tr", {}, el("th", {}, ""), have.map(r => el("th", {scope: "col"}, details.get(r).name)))),
				el("tbody", {}, some.map(n => el("tr", {className: many && differs(n) ? "differs" : ""}, el("td", {className: "soft"}, n), maps.map(m => el("td", {}, value(m)(n)))))));
			const half = Math.ceil(rows.length / 2);
			settingsBox.replaceChildren(el("div", {className: "bar"}, el("h2", {}, "Settings"), many && only),
				rows.length ? (many ? el("div", {className: "scroll"}, table(rows)) : el("div", {className: "two"}, table(rows.slice(0, half)), table(rows.slice(half)))) : el("p", {className: "soft"}, many && names.length ? "No setting differs." : "None."),
				el("p", {className: "small soft"}, details.get(id).dir));
		}

		async function readSeries(of) {
			const asked = range;
			const found = await Promise.all(of.map(r => source.series(r, time ? null : asked)));
			if (closed || asked !== range) return;
			of.forEach((r, i) => series.set(r, found[i]));
			drawCharts();
		}
		async function read(of) {
			try {
				const found = await Promise.all(of.map(r => source.run(r)));
				if (closed) return;
				found.forEach(d => details.set(d.id, d));
				drawHead();
				showGrids();
				if (of.includes(id)) { drawAlerts(); drawSaved(); }
				drawSettings();
				await readSeries(of);
				told.textContent = "";
			} catch (e) {
				if (!closed) told.textContent = e.message;
			}
		}
		const resize = () => charts.forEach(c => c.resize());
		const recolor = () => drawCharts();
		const scheme = matchMedia("(prefers-color-scheme: dark)");
		addEventListener("resize", resize);
		scheme.addEventListener("change", recolor);
		told.textContent = "Reading …";
		read(shown);
		const waiting = new Set();
		return {
			// changed reads again what is new, at most twice a second.
			changed(ids) {
				ids.filter(r => shown.includes(r)).forEach(r => waiting.add(r));
				if (!waiting.size || timer) return;
				timer = setTimeout(() => { timer = 0; const of = [...waiting]; waiting.clear(); if (!closed) read(of); }, 500);
			},
			move,
			close() {
				closed = true;
				stop();
				clearTimeout(timer);
				removeEventListener("resize", resize);
				scheme.removeEventListener("change", recolor);
				charts.forEach(c => c.close());
			},
		};
	}

	function pin(id) {
		baseline = id;
		kept.set(id);
	}

	// route shows what the address names.
	function route() {
		const m = /^#\/run\/([0-9a-f]+)(?:\?with=([0-9a-f,]*))?$/.exec(location.hash);
		const id = m ? m[1] : !source.live && runs.size === 1 && !location.hash ? [...runs.keys()][0] : "";
		if (view) view.close();
		if (id && runs.has(id)) view = page(id, (m && m[2] || "").split(",").filter(o => runs.has(o)));
		else view = list();
	}
	addEventListener("hashchange", () => { route(); scrollTo(0, 0); main.focus({preventScroll: true}); });
	addEventListener("keydown", e => {
		const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName);
		if (e.ctrlKey || e.metaKey || e.altKey) return;
		if (e.key === "Escape") { if (typing) e.target.blur(); else location.hash = "#/"; }
		else if (e.key === "/" && !typing) { e.preventDefault(); location.hash = "#/"; setTimeout(() => view.search && view.search.focus()); }
		else if ((e.key === "ArrowLeft" || e.key === "ArrowRight") && !typing && view.move) { e.preventDefault(); view.move(e.key === "ArrowLeft" ? -1 : 1); }
	});

	function take(news) {
		const ids = news.runs.map(r => r.id);
		for (const r of news.runs) runs.set(r.id, r);
		for (const id of news.gone || []) runs.delete(id);
		if (view) view.changed(ids);
	}
	source.runs().then(all => {
		all.forEach(r => runs.set(r.id, r));
		route();
		source.listen(take);
	}, e => main.replaceChildren(el("p", {className: "none"}, "The runs cannot be read: " + e.message)));
})();
