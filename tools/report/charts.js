// The charts: SVG in the page's own colours, which a style sheet changes for dark screens and for print. Widths follow the page.

const textWidth = (text, size = 11) => text.length * size * 0.58;

// Draws again when the width changes, not when anything else does.
function drawToWidth(container, draw) {
  let width = 0;
  const update = () => {
    const now = Math.round(container.clientWidth);
    if (now < 50 || now === width) return;
    width = now;
    draw(width);
  };
  new ResizeObserver(update).observe(container);
  update();
}

function svgIn(container, width, height, label) {
  container.replaceChildren();
  return d3.select(container).append("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("width", width).attr("height", height)
    .attr("role", "img").attr("aria-label", label);
}

function drawBadge(svg, device, x, y) {
  const group = svg.append("g").attr("transform", `translate(${x},${y})`);
  group.append("rect").attr("y", -8).attr("width", 16).attr("height", 16).attr("rx", 3).style("fill", device.colour);
  group.append("text").attr("class", "badge-text").attr("x", 8).attr("y", 4).attr("text-anchor", "middle").text(device.letter);
  return group;
}

// -- roofline ------------------------------------------------------------------------------------------------------------------

const eventTimes = (times) => [["running", milliseconds(times.running_ms && times.running_ms.median)], ["p95", milliseconds(times.running_ms && times.running_ms.p95)]];

function kernelTip(row) {
  const {kernel, device} = row;
  return {
    title: `${device.letter} \u00b7 ${row.layer} \u00b7 ${kernel.kernel}`,
    rows: [
      ...eventTimes(kernel),
      ["of run", percent(row.share)],
      ["speed", `${significant(kernel.gflops)} GFLOP/s, ${significant(kernel.gbps)} GB/s`],
      ["intensity", `${significant(kernel.intensity)} FLOP/byte`],
      ["of limit", `${percent(kernel.limit_share)}, limited by ${kernel.limited_by || kernel.bound || UNKNOWN}`],
      ["queued, submitted", kernel.queued_ms ? `${milliseconds(kernel.queued_ms.median)}, ${milliseconds(kernel.submitted_ms.median)}` : UNKNOWN],
      ["tuning", kernel.tuning || UNKNOWN],
      ["work-items", `${kernel.global.join(" \u00d7 ") || UNKNOWN} in groups of ${kernel.local.join(" \u00d7 ") || UNKNOWN}`],
      kernel.problem && ["invalid times", `${kernel.invalid} of ${kernel.calls}: ${kernel.problem}`],
    ],
  };
}

// What is drawn: kernels, and the layers of devices that have none.
function rooflinePoints() {
  const points = kernelRows.filter((row) => row.kernel.gflops && row.kernel.intensity).map((row) => ({
    device: row.device, x: row.kernel.intensity, y: row.kernel.gflops, share: row.share, tip: () => kernelTip(row),
    label: row.sole ? row.layer : `${row.layer} ${row.kernel.kernel}`,
  }));
  for (const device of measured.filter((each) => each.data.layers.every((layer) => layer.kernels.length === 0)))
    for (const layer of device.data.layers.filter((each) => each.gflops && each.intensity))
      points.push({
        device, x: layer.intensity, y: layer.gflops, share: layer.share, label: layer.layer,
        tip: () => ({title: `${device.letter} \u00b7 ${layer.layer} \u00b7 ${layer.lowering}`, rows: [...eventTimes(layer), ["of run", percent(layer.share)],
          ["speed", `${significant(layer.gflops)} GFLOP/s`], ["intensity", `${significant(layer.intensity)} FLOP/byte`]]}),
      });
  return points.sort((a, b) => (b.share ?? 0) - (a.share ?? 0));
}

// The same kernel with the same intensity on several devices, fastest first: one label for all, and a line that joins them.
function joined(points) {
  const groups = d3.groups(points, (p) => `${p.label} ${p.x.toPrecision(3)}`).map(([, of]) => d3.sort(of, (p) => -p.y));
  return groups.map((of) => ({of, top: of[0], share: d3.max(of, (p) => p.share ?? 0)})).sort((a, b) => b.share - a.share);
}

// Labels of the marks that matter, the largest first, where there is room around them.
function placeLabels(points, groups, roofs, x, y, radius, area) {
  const taken = points.map((p) => [x(p.x) - radius(p), y(p.y) - radius(p), x(p.x) + radius(p), y(p.y) + radius(p)]);
  taken.push(...roofs.map(({peak, slope}) => [x(peak / slope), y(peak) - 2, area[2], y(peak) + 2]));
  const placed = [];
  for (const {top: p, share} of groups) {
    if (share < 0.02) continue;
    const w = textWidth(p.label), r = radius(p) + 4, cx = x(p.x), cy = y(p.y);
    const places = [[cx, cy - r - 5, "middle"], [cx + r, cy, "start"], [cx - r, cy, "end"], [cx, cy + r + 6, "middle"],
      [cx + r, cy - 11, "start"], [cx + r, cy + 11, "start"], [cx - r, cy - 11, "end"], [cx - r, cy + 11, "end"],
      ...[24, 40, 56].flatMap((away) => [[cx, cy + r + away, "middle"], [cx, cy - r - away, "middle"]])]; // far ones get a line
    for (const [px, py, anchor] of places) {
      const left = anchor === "start" ? px : anchor === "end" ? px - w : px - w / 2;
      const box = [left, py - 7, left + w, py + 7];
      if (box[0] < area[0] || box[2] > area[2] || box[1] < area[1] || box[3] > area[3]) continue;
      if (taken.some((t) => t[0] < box[2] && box[0] < t[2] && t[1] < box[3] && box[1] < t[3])) continue;
      taken.push(box);
      placed.push({...p, px, py, anchor, far: Math.abs(py - cy) > r + 16});
      break;
    }
  }
  return placed;
}

function drawRoofline(container, width) {
  const points = rooflinePoints();
  const roofs = measured.filter((device) => device.data.peaks.fma_gflops && device.data.peaks.copy_gbps)
    .map((device) => ({device, peak: device.data.peaks.fma_gflops, slope: device.data.peaks.copy_gbps}));
  if (points.length === 0) {
    container.replaceChildren(element("p", {class: "muted"}, "There is no kernel whose speed is known."));
    return;
  }
  const narrow = width < 560;
  const height = narrow ? 340 : 460, margin = {top: 16, right: narrow ? 14 : 150, bottom: 44, left: 56};
  const xs = [...points.map((p) => p.x), ...roofs.map((r) => r.peak / r.slope)];
  const ys = [...points.map((p) => p.y), ...roofs.map((r) => r.peak)];
  const x = d3.scaleLog([d3.min(xs) / 2.5, d3.max(xs) * 2.5], [margin.left, width - margin.right]);
  const y = d3.scaleLog([d3.min(ys) / 2, d3.max(ys) * 1.8], [height - margin.bottom, margin.top]);
  const svg = svgIn(container, width, height, "Roofline: speed of each kernel over its intensity, below the peaks of its device");
  const axis = (scale, make) => make(scale).ticks(narrow ? 4 : 8, "~g");
  const decades = (scale) => scale.ticks().filter((d) => Number.isInteger(+Math.log10(d).toFixed(9)));
  svg.append("g").attr("class", "grid").selectAll("line.x").data(decades(x)).join("line").attr("x1", x).attr("x2", x).attr("y1", margin.top).attr("y2", height - margin.bottom);
  svg.append("g").attr("class", "grid").selectAll("line.y").data(decades(y)).join("line").attr("y1", y).attr("y2", y).attr("x1", margin.left).attr("x2", width - margin.right);
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${height - margin.bottom})`).call(axis(x, d3.axisBottom));
  svg.append("g").attr("class", "axis").attr("transform", `translate(${margin.left},0)`).call(axis(y, d3.axisLeft));
  svg.append("text").attr("class", "axis-title").attr("x", (margin.left + width - margin.right) / 2).attr("y", height - 8).attr("text-anchor", "middle").text("intensity, FLOP/byte");
  svg.append("text").attr("class", "axis-title").attr("transform", `translate(14,${(margin.top + height - margin.bottom) / 2}) rotate(-90)`).attr("text-anchor", "middle").text("GFLOP/s");

  const clip = svg.append("clipPath").attr("id", "roofline-area").append("rect");
  clip.attr("x", margin.left).attr("y", margin.top).attr("width", width - margin.left - margin.right).attr("height", height - margin.top - margin.bottom);
  const [x0, x1] = x.domain();
  const ends = [];
  for (const {device, peak, slope} of roofs) {
    const line = d3.line((p) => x(p[0]), (p) => y(p[1]));
    const corners = [[x0, slope * x0], [Math.min(x1, peak / slope), Math.min(peak, slope * x1)], [x1, Math.min(peak, slope * x1)]];
    const roof = svg.append("g").attr("clip-path", "url(#roofline-area)").append("path").datum(corners).attr("d", line).attr("class", "roof").style("stroke", device.colour)
      .attr("stroke-dasharray", [null, "14 10", "5 12", "2 8"][roofs.findIndex((each) => each.device === device) % 4]); // roofs on each other show through
    explain(roof.node(), {title: `${device.letter} \u00b7 roof of ${device.name}`, rows: [["multiply-adds", `${significant(peak)} GFLOP/s`], ["copying", `${significant(slope)} GB/s`], ["ridge", `${significant(peak / slope)} FLOP/byte`]]});
    ends.push({device, y: y(peak), text: `${significant(peak)} GFLOP/s`, more: `${significant(slope)} GB/s`});
  }
  // The roofs' own labels, kept apart.
  ends.sort((a, b) => Math.round((a.y - b.y) / 4) || a.device.i - b.device.i).forEach((end, i) => (end.y = i ? Math.max(end.y, ends[i - 1].y + 30) : Math.max(end.y, margin.top + 6)));
  if (!narrow) for (const end of ends) {
    const label = drawBadge(svg, end.device, width - margin.right + 8, end.y);
    label.append("text").attr("class", "label strong").attr("x", 22).attr("y", -1).text(end.text);
    label.append("text").attr("class", "label muted").attr("x", 22).attr("y", 12).text(end.more);
  }
  const radius = (p) => Math.sqrt((36 + 420 * (p.share ?? 0)) / Math.PI) + 1;
  const groups = joined(points);
  svg.append("g").selectAll("line").data(groups.filter((group) => group.of.length > 1)).join("line").attr("class", "join")
    .attr("x1", (group) => x(group.top.x)).attr("x2", (group) => x(group.top.x)).attr("y1", (group) => y(group.top.y)).attr("y2", (group) => y(group.of[group.of.length - 1].y));
  const marks = svg.append("g").attr("class", "marks").selectAll("path").data(points).join("path")
    .attr("d", (p) => d3.symbol(p.device.shape, 36 + 420 * (p.share ?? 0))()).attr("transform", (p) => `translate(${x(p.x)},${y(p.y)})`)
    .style("fill", (p) => p.device.colour).attr("class", "point").attr("tabindex", 0).attr("data-gflops", (p) => p.y).attr("data-intensity", (p) => p.x);
  marks.each(function (p) {
    explain(this, p.tip);
  });
  const labels = placeLabels(points, groups, roofs, x, y, radius, [margin.left, margin.top, width - margin.right, height - margin.bottom]);
  svg.append("g").selectAll("line").data(labels.filter((p) => p.far)).join("line").attr("class", "join").attr("x1", (p) => x(p.x)).attr("x2", (p) => x(p.x))
    .attr("y1", (p) => y(p.y) + Math.sign(p.py - y(p.y)) * radius(p)).attr("y2", (p) => p.py - Math.sign(p.py - y(p.y)) * 8);
  svg.append("g").selectAll("text").data(labels).join("text")
    .attr("class", "label halo").attr("x", (p) => p.px).attr("y", (p) => p.py + 4).attr("text-anchor", (p) => p.anchor).text((p) => p.label);
}

// -- timeline ------------------------------------------------------------------------------------------------------------------

const onQueue = (event) => event.kind === "kernel" || event.kind === "upload" || event.kind === "download" || event.kind === "reference";

// Between what ran on the queue, from the run's start to its end: the JSON's breakdown has the means of the same gaps.
function gapsOf(device) {
  const {timeline} = device.data;
  const run = timeline.find((event) => event.kind === "run");
  const gaps = [];
  let end = 0;
  for (const event of timeline.filter((each) => onQueue(each) && each.started_ns !== null).sort((a, b) => a.started_ns - b.started_ns)) {
    if (event.started_ns > end) gaps.push({from: end, to: event.started_ns, name: `before ${event.layer || `${event.kind} of ${event.name}`}`});
    end = Math.max(end, event.ended_ns);
  }
  if (run && run.ended_ns > end) gaps.push({from: end, to: run.ended_ns, name: "after the last command"});
  return gaps;
}

function eventTip(device, event) {
  const us = (ns) => microseconds(ns === null ? null : ns / 1000);
  const wait = (from, to) => (from === null || to === null ? UNKNOWN : us(to - from));
  return {
    title: `${device.letter} \u00b7 ${event.layer ? `${event.layer} \u00b7 ` : ""}${event.kind === "upload" || event.kind === "download" ? `${event.kind} of ` : ""}${event.name}`,
    rows: onQueue(event) ? [
      ["running", wait(event.started_ns, event.ended_ns)], ["started at", us(event.started_ns)], ["queued", wait(event.queued_ns, event.submitted_ns)],
      ["submitted", wait(event.submitted_ns, event.started_ns)], ["the host's call", us(event.host_end_ns - event.host_start_ns)],
      event.live_bytes !== null && ["live memory", bytes(event.live_bytes)], event.problem && ["invalid times", event.problem],
    ] : [["took", us(event.host_end_ns - event.host_start_ns)], ["started at", us(event.host_start_ns)]],
  };
}

function timelineTracks(device) {
  const {timeline} = device.data;
  const span = (event, host) => ({event, from: host ? event.host_start_ns : event.started_ns, to: host ? event.host_end_ns : event.ended_ns});
  const queue = timeline.filter((event) => onQueue(event) && event.started_ns !== null);
  const calls = timeline.filter((event) => onQueue(event) && event.kind !== "reference");
  return [
    {name: "host", height: 20, spans: timeline.filter((event) => event.kind === "stage").map((event) => span(event, true))},
    ...(calls.length ? [{name: "calls", height: 14, spans: calls.map((event) => span(event, true))}] : []),
    {name: device.host ? "references" : "queue", height: 34, spans: queue.map((event) => span(event, false)), gaps: gapsOf(device)},
  ];
}

function drawTimeline(container, device, width, transform, zoomed) {
  const {timeline, memory} = device.data;
  const run = timeline.find((event) => event.kind === "run");
  const end = d3.max(timeline, (event) => Math.max(event.ended_ns ?? 0, event.host_end_ns ?? 0)) / 1e6;
  const margin = {left: 78, right: 16}, gap = 6, memoryHeight = 46;
  const tracks = timelineTracks(device);
  let top = 4;
  for (const track of tracks) track.top = top, top += track.height + gap;
  const memoryTop = top + 4, axisTop = memoryTop + memoryHeight + 4, height = axisTop + 24;
  const base = d3.scaleLinear([0, end], [margin.left, width - margin.right]), x = transform.rescaleX(base);
  const svg = svgIn(container, width, height, `Timeline of one run on ${device.name}`);
  const area = `timeline-area-${device.i}`;
  svg.append("clipPath").attr("id", area).append("rect").attr("x", margin.left).attr("y", 0).attr("width", width - margin.left - margin.right).attr("height", height);
  const hatch = svg.append("pattern").attr("id", `hatch-${device.i}`).attr("width", 6).attr("height", 6).attr("patternUnits", "userSpaceOnUse").attr("patternTransform", "rotate(45)");
  hatch.append("line").attr("class", "hatch").attr("y2", 6);
  const ticks = x.ticks(Math.max(3, width / 110));
  svg.append("g").attr("class", "grid").selectAll("line").data(ticks).join("line").attr("x1", x).attr("x2", x).attr("y1", 0).attr("y2", axisTop);
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${axisTop})`).call(d3.axisBottom(x).tickValues(ticks).tickFormat((d) => `${d3.format("~g")(+d.toFixed(6))}`));
  svg.append("text").attr("class", "axis-title").attr("x", margin.left - 10).attr("y", axisTop + 17).attr("text-anchor", "end").text("ms");
  const body = svg.append("g").attr("clip-path", `url(#${area})`);
  body.append("rect").attr("class", "catch").attr("x", margin.left).attr("width", width - margin.left - margin.right).attr("height", axisTop);
  for (const track of tracks) {
    svg.append("text").attr("class", "label muted").attr("x", margin.left - 10).attr("y", track.top + track.height / 2 + 4).attr("text-anchor", "end").text(track.name);
    const place = (span) => ({left: x(span.from / 1e6), right: x(span.to / 1e6)});
    for (const span of track.gaps || []) {
      const {left, right} = place(span), long = right - left;
      const mark = body.append("rect").attr("class", "gap").attr("x", left).attr("y", track.top).attr("width", Math.max(0.5, long)).attr("height", track.height).style("fill", `url(#hatch-${device.i})`);
      explain(mark.node(), {title: `${device.letter} \u00b7 idle ${span.name}`, rows: [["took", microseconds((span.to - span.from) / 1e3)]]});
      const text = `idle ${microseconds((span.to - span.from) / 1e3)}`;
      if (long > textWidth(text) + 8) body.append("text").attr("class", "label halo").attr("x", (left + right) / 2).attr("y", track.top + track.height / 2 + 4).attr("text-anchor", "middle").text(text);
    }
    track.spans.forEach((span, i) => {
      const {left, right} = place(span), {event} = span, long = Math.max(1, right - left);
      const kind = event.problem ? "invalid" : event.kind === "upload" || event.kind === "download" ? "transfer" : event.kind === "stage" ? "stage" : i % 2 ? "even" : "odd";
      const mark = body.append("rect").attr("class", `span ${kind}`).attr("x", left).attr("y", track.top).attr("width", long).attr("height", track.height).attr("rx", Math.min(2, long / 3)).style("--device", device.colour);
      explain(mark.node(), () => eventTip(device, event));
      // The text stays in what is seen of the bar.
      const from = Math.max(left, margin.left), to = Math.min(right, width - margin.right);
      const text = track.height < 18 ? "" : event.kind === "stage" ? event.name : event.layer || event.name;
      if (text && to - from > textWidth(text) + 6)
        body.append("text").attr("class", `label on-${kind}`).attr("x", (from + to) / 2).attr("y", track.top + track.height / 2 + 4).attr("text-anchor", "middle").text(text);
    });
  }
  // Live memory, a step whenever a command starts, up to the run's end.
  const steps = timeline.filter((event) => onQueue(event) && event.live_bytes !== null && event.started_ns !== null)
    .sort((a, b) => a.started_ns - b.started_ns).map((event) => [event.started_ns / 1e6, event.live_bytes]);
  svg.append("text").attr("class", "label muted").attr("x", margin.left - 10).attr("y", memoryTop + 12).attr("text-anchor", "end").text("live");
  if (steps.length) {
    steps.push([run ? run.ended_ns / 1e6 : end, steps[steps.length - 1][1]]);
    const most = Math.max(memory.allocated_bytes ?? 0, d3.max(steps, (step) => step[1]));
    const y = d3.scaleLinear([0, most], [memoryTop + memoryHeight, memoryTop]);
    const shape = d3.area((step) => x(step[0]), y(0), (step) => y(step[1])).curve(d3.curveStepAfter);
    const filled = body.append("path").datum(steps).attr("class", "live").attr("d", shape).style("--device", device.colour);
    explain(filled.node(), {title: `${device.letter} \u00b7 memory on the device`, rows: [["most live at a time", bytes(memory.peak_live_bytes)], ["allocated", bytes(memory.allocated_bytes)]]});
    if (memory.allocated_bytes) body.append("line").attr("class", "allocated").attr("x1", margin.left).attr("x2", width).attr("y1", y(memory.allocated_bytes)).attr("y2", y(memory.allocated_bytes));
    svg.append("text").attr("class", "label muted").attr("x", margin.left - 10).attr("y", memoryTop + 26).attr("text-anchor", "end").text(bytes(d3.max(steps, (step) => step[1])));
  }
  const zoom = d3.zoom().scaleExtent([1, 2000]).translateExtent([[margin.left, 0], [width - margin.right, height]]).extent([[margin.left, 0], [width - margin.right, height]])
    .filter((event) => (event.type === "wheel" ? event.ctrlKey || event.metaKey : !event.button)).on("zoom", (event) => event.sourceEvent && zoomed(event.transform));
  svg.call(zoom).property("__zoom", transform);
}

// -- memory over the phases ---------------------------------------------------------------------------------------------------

function drawPhases(container, width) {
  const shown = measured.filter((device) => device.data.phases.some((phase) => phase.resident_bytes));
  if (shown.length === 0) {
    container.replaceChildren(element("p", {class: "muted"}, "The system did not tell how much memory the process held."));
    return;
  }
  const height = 220, margin = {top: 14, right: 36, bottom: 40, left: 78};
  const at = (phase) => (phase.start_ms + phase.ms) / 1e3;
  const all = shown.flatMap((device) => device.data.phases);
  const x = d3.scaleLinear([0, d3.max(all, at)], [margin.left, width - margin.right]).nice();
  const y = d3.scaleLinear([0, d3.max(all, (phase) => phase.resident_bytes) / 2 ** 20], [height - margin.bottom, margin.top]).nice();
  const svg = svgIn(container, width, height, "Memory of the process over time, a line a device");
  svg.append("g").attr("class", "grid").selectAll("line").data(y.ticks(5)).join("line").attr("x1", margin.left).attr("x2", width - margin.right).attr("y1", y).attr("y2", y);
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${height - margin.bottom})`).call(d3.axisBottom(x).ticks(Math.max(3, width / 120)));
  svg.append("g").attr("class", "axis").attr("transform", `translate(${margin.left},0)`).call(d3.axisLeft(y).ticks(5).tickFormat((d) => `${d3.format("~g")(d)} MiB`));
  svg.append("text").attr("class", "axis-title").attr("x", (margin.left + width - margin.right) / 2).attr("y", height - 6).attr("text-anchor", "middle").text("seconds since the device was opened");
  const ends = [];
  for (const device of shown) {
    const phases = device.data.phases.filter((phase) => phase.resident_bytes);
    svg.append("path").datum(phases).attr("class", "line").style("stroke", device.colour).attr("d", d3.line((phase) => x(at(phase)), (phase) => y(phase.resident_bytes / 2 ** 20)));
    svg.append("g").selectAll("path").data(phases).join("path").attr("class", "point").attr("d", d3.symbol(device.shape, 44)()).style("fill", device.colour)
      .attr("transform", (phase) => `translate(${x(at(phase))},${y(phase.resident_bytes / 2 ** 20)})`).attr("tabindex", 0)
      .each(function (phase) {
        explain(this, {title: `${device.letter} \u00b7 at the end of ${phase.phase}`, rows: [["resident", bytes(phase.resident_bytes)], ["phase took", milliseconds(phase.ms)]]});
      });
    const last = phases[phases.length - 1];
    ends.push({device, x: x(at(last)) + 10, y: y(last.resident_bytes / 2 ** 20)});
  }
  for (const end of ends) drawBadge(svg, end.device, end.x, end.y);
}
