"use strict";

// Charts of figures over steps: a line for the mean, and a band from the least to the largest value that stays whatever the
// smoothing is.
const Charts = (() => {
	const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
	const color = i => css("--c" + i % 8);
	const fade = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");

	// number is v as people read it: four digits.
	function number(v) {
		if (v == null || !isFinite(v)) return "–";
		const size = Math.abs(v);
		if (size >= 1e6 || size > 0 && size < 1e-3) return v.toExponential(2).replace("e+", "e");
		if (size >= 1000) return Math.round(v).toLocaleString("en-US");
		return String(Number(v.toPrecision(4)));
	}

	// smooth is the exponential mean with weight w, begun without a bias; gaps stay.
	function smooth(values, w) {
		let mean = 0, weight = 0;
		return values.map(v => {
			if (v == null) return null;
			mean = mean * w + (1 - w) * v;
			weight = weight * w + (1 - w);
			return mean / weight;
		});
	}

	// rolling is the least or the largest of each value's neighbourhood, n to either side.
	function rolling(values, n, best) {
		if (n < 1) return values;
		const out = new Array(values.length);
		const queue = []; // places whose values may still be the best
		let head = 0;
		for (let i = 0; i < values.length + n; i++) {
			if (i < values.length && values[i] != null) {
				while (queue.length > head && best(values[i], values[queue[queue.length - 1]]) === values[i]) queue.pop();
				queue.push(i);
			}
			const at = i - n;
			if (at < 0) continue;
			while (head < queue.length && queue[head] < at - n) head++;
			out[at] = values[at] == null || head >= queue.length ? null : values[queue[head]];
		}
		return out;
	}

	// few values are shown as they are: smoothing is for what swings.
	const few = values => values.filter(v => v != null).length < 30;

	// lines are those of curves {label, color, x, mean, least, largest, dashed} on one axis, as uPlot takes them.
	function lines(curves, smoothing) {
		const tables = curves.map(c => {
			const w = few(c.mean) ? 0 : smoothing;
			const n = w > 0 ? Math.min(Math.round(.5 / (1 - w)), Math.floor(c.x.length / 8)) : 0;
			const low = rolling(c.least || c.mean, n, Math.min), high = rolling(c.largest || c.mean, n, Math.max);
			return [c.x, low, high, w > 0 ? smooth(c.mean, w) : c.mean];
		});
		return tables.length === 1 ? tables[0] : uPlot.join(tables);
	}

	function options(curves, o, width, height) {
		const series = [{}], bands = [];
		for (const c of curves) {
			const ink = c.color;
			const edge = {label: c.label, stroke: "transparent", width: 0, points: {show: false}, spanGaps: true};
			bands.push({series: [series.length + 1, series.length], fill: fade(ink, .16)});
			series.push(edge, edge, {label: c.label, stroke: ink, width: 1.75, dash: c.dashed ? [5, 4] : undefined, spanGaps: true, points: {show: c.x.length < 2, size: 5, fill: ink}});
		}
		const axis = {stroke: css("--soft"), font: "11px system-ui, sans-serif", grid: {stroke: css("--line"), width: 1}, ticks: {show: false}};
		return {
			width, height, series, bands, legend: {show: false},
			scales: {x: {time: false, range: o.range ? () => o.range : undefined}, y: {distr: o.log ? 3 : 1}},
			cursor: {sync: {key: "steps"}, drag: {x: true, y: false}, points: {size: 6}, y: false},
			axes: [
				{...axis, size: 28, space: 70, values: (_, all) => all.map(v => o.time ? hours(v) : short(v))},
				{...axis, size: 52, space: 34, values: (_, all) => all.map(v => v == null ? "" : number(v))},
			],
			hooks: {
				setCursor: [u => o.onCursor(u.cursor.idx == null ? null : u)],
				setSelect: [u => { if (u.select.width > 4) o.onZoom(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")); }],
			},
		};
	}

	const short = v => v == null ? "" : v >= 1e6 ? v / 1e6 + "M" : v >= 1e4 ? v / 1e3 + "k" : String(v);
	const hours = s => s >= 3600 ? +(s / 3600).toFixed(2) + " h" : s >= 60 ? +(s / 60).toFixed(1) + " min" : s + " s";

	// Chart is one in element: a heading with the values under the cursor, and the plot below.
	class Chart {
		constructor(element, title, on) {
			this.element = element;
			this.on = on;
			element.className = "chart";
			const head = document.createElement("h3");
			head.textContent = title;
			this.title = title;
			this.values = document.createElement("span");
			this.values.className = "values";
			head.append(this.values);
			this.plot = document.createElement("div");
			this.plot.className = "plot";
			this.plot.setAttribute("role", "img");
			element.append(head, this.plot);
		}

		// show draws curves; o has log, time, smoothing and range.
		show(curves, o) {
			// What is not above zero has no place on a scale of powers.
			const above = v => v > 0 ? v : null;
			if (o.log) curves = curves.map(c => ({...c, mean: c.mean.map(above), least: c.least && c.least.map(above), largest: c.largest && c.largest.map(above)}));
			this.curves = curves;
			const shape = JSON.stringify([curves.map(c => [c.label, c.color, c.dashed]), o.log, o.time, o.range, css("--line")]);
			const data = lines(curves, o.smoothing);
			if (this.u && shape === this.shape) {
				this.u.setData(data);
			} else {
				if (this.u) this.u.destroy();
				this.shape = shape;
				this.u = new uPlot(options(curves, {...o, onZoom: this.on.zoom, onCursor: u => this.tell(u)}, this.plot.clientWidth || 440, this.plot.clientHeight || 220), data, this.plot);
				this.u.over.addEventListener("dblclick", () => this.on.zoom(null));
			}
			this.tell(null);
		}

		// tell shows the values at the cursor, or the last.
		tell(u) {
			const last = values => { for (let i = values.length - 1; i >= 0; i--) if (values[i] != null) return values[i]; return null; };
			const near = (values, i) => { for (let d = 0; d < 50; d++) { if (values[i - d] != null) return values[i - d]; } return null; };
			const texts = [];
			this.values.replaceChildren(...this.curves.map((c, i) => {
				const values = (u || this.u).data[3 * i + 3];
				const v = u ? near(values, u.cursor.idx) : last(values);
				const one = document.createElement("span"), key = document.createElement("i"), figure = document.createElement("b");
				key.className = "key k" + c.key;
				figure.textContent = number(v);
				one.append(key, c.label && c.label + " ", figure);
				texts.push((c.label && c.label + " ") + number(v));
				return one;
			}));
			if (!u) this.plot.setAttribute("aria-label", this.title + ": " + texts.join(", "));
		}

		resize() { if (this.u) this.u.setSize({width: this.plot.clientWidth, height: this.plot.clientHeight}); }

		close() { if (this.u) this.u.destroy(); }
	}

	return {Chart, color, number, smooth, rolling};
})();
