// The page, section by section, from the documents alone.
const $ = (id) => document.getElementById(id);
const first = documents[0];
const titleOf = (device) => [badge(device), " ", device.name];
const median = (times) => (times ? times.median : null);

// Of the whole run: "useful_flops" or "actual_flops" over its time.
const runGflops = (device, key) => d3.sum(device.data.layers, (layer) => layer[key] ?? 0) / device.data.run_ms.median / 1e6;

// -- the head: what was run, and on what --------------------------------------------------------------------------------------------

function verdictOf(device) {
  const {verification} = device.data;
  if (!device.ok) return ["bad", "failed"];
  if (device.host) return ["plain", "the reference"];
  if (!verification) return ["plain", "not verified"];
  const names = {ok: ["good", "verified"], unproven: ["warn", "unproven"], failed: ["bad", "verification failed"], mismatch: ["bad", "wrong results"]};
  return names[verification.verdict] || ["warn", verification.verdict];
}

function card(device) {
  const {data} = device;
  const [tone, verdict] = verdictOf(device);
  const head = element("header", {}, badge(device), element("div", {}, element("h3", {}, device.name), element("p", {class: "muted"}, device.where)));
  if (!device.ok) return element("article", {class: "card", style: `--device: ${device.colour}`}, head, element("p", {class: "notice bad"}, data.problem || "There is no run of it."));
  const best = d3.min(measured.filter((each) => each.index === device.index), (each) => each.data.run_ms.median);
  const ratio = data.run_ms.median / best;
  const pill = element("span", {class: `pill ${tone}`}, verdict);
  const invalid = data.clock.invalid ? element("span", {class: "pill warn", tabindex: 0}, `${data.clock.invalid} invalid times`) : null;
  if (invalid) explainTerm(invalid, "invalid");
  const time = element("p", {class: "time", tabindex: 0}, significant(data.run_ms.median, data.run_ms.median >= 100 ? 4 : 3), element("span", {}, " ms a run"));
  explain(time, {title: TERMS.run[0], text: TERMS.run[1], rows: [["median", milliseconds(data.run_ms.median)], ["p95", milliseconds(data.run_ms.p95)], ["min", milliseconds(data.run_ms.min)], ["mean", milliseconds(data.run_ms.mean)], ["runs", data.runs]]});
  const peak = data.peaks.fma_gflops;
  const rate = (term, text) => element("p", {class: "muted"}, explainTerm(element("span", {tabindex: 0}, text), term));
  return element("article", {class: "card", style: `--device: ${device.colour}`}, head, time,
    element("p", {class: "muted"}, `p95 ${milliseconds(data.run_ms.p95)} \u00b7 ${ratio > 1.0005 ? `${significant(ratio)}\u00d7 the fastest` : "the fastest"}`),
    rate("useful", `${significant(runGflops(device, "useful_flops"))} useful GFLOP/s`),
    peak ? rate("actual", `${significant(runGflops(device, "actual_flops"))} actual, ${percent(runGflops(device, "actual_flops") / peak, 0)} of the peak`) : null,
    element("p", {class: "pills"}, pill, invalid));
}

// Sentences to act on, each from numbers that are further below.
function findings() {
  const list = [];
  const restless = documents.map(() => []);
  for (const device of measured) {
    const {data} = device;
    const own = kernelRows.filter((row) => row.device === device && row.ms !== null);
    const slowest = d3.greatest(own, (row) => row.share), room = d3.greatest(own, (row) => row.above ?? -1);
    const idle = d3.sum(data.breakdown.filter((part) => part.kind === "idle"), (part) => part.share);
    const say = (tone, ...text) => list.push(element("li", {class: tone}, badge(device), element("span", {}, ...text)));
    const strong = (text) => element("strong", {}, text);
    const called = (row) => (row.sole ? row.layer : `${row.layer}\u2019s ${row.kernel.kernel}`);
    if (slowest) {
      const text = [strong(called(slowest)), ` takes ${percent(slowest.share, 0)} of the run, at ${percent(slowest.kernel.limit_share, 0)} of its limit (${slowest.kernel.limited_by || slowest.kernel.bound || "unknown"}).`];
      if (room && room.above > 0) text.push(room === slowest ? ` It also has the most to gain: ${milliseconds(room.above)} above the limit.` : " The most to gain is in ",
        ...(room === slowest ? [] : [strong(called(room)), `: ${milliseconds(room.above)} above its limit (${room.kernel.limited_by || room.kernel.bound}).`]));
      say("", ...text);
    }
    if (idle > 0.05) say("warn", `The queue is idle for ${percent(idle, 0)} of the run: see the gaps by name.`);
    if (data.run_ms.p95 > 1.15 * data.run_ms.median) restless[device.index].push(device);
    if (data.clock.invalid) say("warn", `${data.clock.invalid} of ${data.clock.events} times cannot be true and are used for nothing.`);
    const {verification} = data;
    if (verification && !verification.ok) say("bad", `Verification: ${verification.verdict}${verification.first_mismatch ? `, first at ${verification.first_mismatch}` : ""}${verification.error ? `: ${verification.error}` : ""}. Mend that before anything is made faster.`);
  }
  restless.forEach((some, i) => {
    if (some.length === 0) return;
    const {load, processors} = documents[i].environment;
    const most = d3.max(some, (device) => device.data.run_ms.p95 / device.data.run_ms.median - 1);
    list.push(element("li", {class: "warn"}, ...some.map(badge), element("span", {},
      `Times vary: p95 is up to ${percent(most, 0)} above the median. Was the machine busy? Its load before the first run was ${fixed(1)(load)}, with ${processors} processors.`)));
  });
  return list;
}

function drawHead() {
  const one = documents.length === 1;
  const shape = first.shape.join(" \u00d7 ");
  $("subject").textContent = one
    ? `${baseName(first.model)} reading ${baseName(first.clip)} (${shape}) \u00b7 ${first.environment.date.replace("T", " ").replace("Z", " UTC")} \u00b7 lipcl ${first.lipcl}`
    : `${documents.length} profiles side by side \u00b7 ${[...new Set(documents.map((doc) => `${baseName(doc.clip)} (${doc.shape.join(" \u00d7 ")})`))].join(", ")}`;
  document.title = `lipcl profile: ${devices.map((device) => device.name).join(", ")}`;
  for (const section of document.querySelectorAll("main section[id]")) {
    const heading = section.querySelector("h2");
    if (heading) $("contents").append(element("a", {href: `#${section.id}`}, heading.textContent));
  }
  $("cards").append(...devices.map(card));
  $("findings").append(...findings());
}

// -- layers -------------------------------------------------------------------------------------------------------------------------

// The parts of the run in the order of its layers; transfers, copies, and idle time, all gaps together, last.
function partsOf(device) {
  const of = (kind) => device.data.breakdown.filter((part) => part.kind === kind && part.ms);
  const layers = device.data.layers.map((layer) => of("layer").find((part) => part.part === layer.layer)).filter(Boolean);
  const idle = of("idle"), whole = (parts, name, kind) => (parts.length ? [{part: name, kind, mean: d3.sum(parts, (part) => part.ms.mean), share: d3.sum(parts, (part) => part.share), parts}] : []);
  return [...layers.map((part) => ({...part, mean: part.ms.mean})), ...whole([...of("transfer"), ...of("copy")], "transfers", "transfer"), ...whole(idle, "idle", "idle")];
}

function drawBreakdown(scale) {
  const longest = d3.max(measured, (device) => device.data.run_ms.mean);
  const rows = measured.map((device) => {
    const parts = partsOf(device).map((part, i) => {
      const kind = part.kind === "layer" ? (i % 2 ? "even" : "odd") : part.kind;
      const segment = element("span", {class: `part ${kind}`, style: `flex-grow: ${part.share}`, "data-share": part.share}, element("span", {}, part.part), element("small", {}, percent(part.share, 0)));
      return explain(segment, () => ({
        title: `${device.letter} \u00b7 ${part.part}`,
        rows: [["mean", milliseconds(part.mean)], ["of run", percent(part.share)], ...(part.parts || []).slice(0, 8).map((each) => [each.part, milliseconds(each.ms.mean)])],
      }));
    });
    const width = scale === "share" ? 1 : device.data.run_ms.mean / longest;
    return element("div", {class: "breakdown", style: `--device: ${device.colour}`}, badge(device),
      element("div", {class: "room"}, element("div", {class: "parts", style: `width: ${(100 * width).toFixed(2)}%`}, ...parts)), element("span", {class: "total"}, milliseconds(device.data.run_ms.mean)));
  });
  $("breakdown").replaceChildren(...rows);
  fitLabels();
}

// Text that does not fit into its part of the bar is left to the tooltip.
function fitLabels() {
  for (const part of $("breakdown").querySelectorAll(".part")) {
    const widest = d3.max(part.children, (text) => text.getBoundingClientRect().width);
    part.classList.toggle("tight", widest > part.clientWidth - 6);
  }
}

function drawLayers() {
  const buttons = [["share", "share of the run"], ["time", "milliseconds, one scale"]].map(([scale, text]) => {
    const button = element("button", {type: "button", "aria-pressed": String(scale === "share")}, text);
    button.addEventListener("click", () => {
      buttons.forEach((each) => each.setAttribute("aria-pressed", String(each === button)));
      drawBreakdown(scale);
    });
    return button;
  });
  $("breakdown-scale").append(...buttons);
  drawBreakdown("share");
  new ResizeObserver(fitLabels).observe($("breakdown"));

  const rows = layerNames.map((name) => ({name, of: new Map(measured.map((device) => [device, layerOf(device, name)]).filter((pair) => pair[1]))}));
  for (const row of rows) row.best = d3.min([...row.of.values()], (layer) => median(layer.running_ms));
  const any = (row) => [...row.of.values()][0];
  const of = (device, get) => (row) => (row.of.has(device) ? get(row.of.get(device)) ?? null : null);
  // By what the kernels really compute; documents of before have no such key.
  const limitShare = (layer) => (layer.actual_limit_share === undefined ? layer.limit_share : layer.actual_limit_share);
  const largest = d3.max(measured, (device) => d3.max(device.data.layers, (layer) => layer.share));
  const columns = [
    {title: "Layer", text: true, value: (row) => row.name, tip: (row) => ({title: row.name, rows: [["operators", any(row).operators], ["output", any(row).shape.join(" \u00d7 ")]]})},
    {title: "Useful GFLOP", term: "useful", value: (row) => any(row).useful_flops / 1e9},
    ...measured.flatMap((device) => {
      const columnsOf = {group: device, colour: () => device.colour, tip: (row) => row.of.has(device) && layerTip(device, row.of.get(device))};
      return [
        {...columnsOf, title: "ms", term: "running", value: of(device, (layer) => median(layer.running_ms)), bar: of(device, (layer) => layer.share / largest)},
        ...(measured.length > 1 ? [{...columnsOf, title: "\u00d7 best", term: "ratio", format: fixed(2), value: (row) => (row.of.has(device) && row.best ? median(row.of.get(device).running_ms) / row.best : null)}] : []),
        ...(measured.length <= 2 ? [{...columnsOf, title: "GFLOP/s", term: "gflops", format: fixed(1), value: of(device, (layer) => layer.gflops)}] : []),
        ...(device.data.peaks.fma_gflops ? [{...columnsOf, title: "of limit", term: "limit_share", format: (value) => percent(value, 0), value: of(device, limitShare)}] : []),
      ];
    }),
  ];
  for (const column of columns) if (column.tip && column.group) { const make = column.tip; column.tip = (row) => make(row) || {text: "This device has no such layer."}; }
  table($("layer-table"), {columns, rows, caption: "Layers by device; a bar is the layer\u2019s share of its device\u2019s run"});
}

function layerTip(device, layer) {
  return {
    title: `${device.letter} \u00b7 ${layer.layer} \u00b7 ${layer.lowering}`,
    rows: [
      ["running", milliseconds(median(layer.running_ms))], ["p95", milliseconds(layer.running_ms && layer.running_ms.p95)], ["useful speed", `${significant(layer.gflops)} GFLOP/s`], ["alone (wall)", milliseconds(median(layer.wall_ms))],
      ["of run", percent(layer.share)], ["useful, actual", `${significant(layer.useful_flops / 1e9)}, ${significant(layer.actual_flops === null ? null : layer.actual_flops / 1e9)} GFLOP`],
      ["moved", bytes(layer.bytes)], ["intensity", `${significant(layer.intensity)} FLOP/byte`], ["useful FLOPs of limit", `${percent(layer.limit_share)}, ${layer.limited_by || layer.bound || "no peak known"}`],
      layer.actual_limit_share && ["actual FLOPs of limit", percent(layer.actual_limit_share)],
      ["kernels", layer.kernels.map((kernel) => kernel.kernel).join(", ") || "none: it runs on the host"],
    ],
  };
}

// -- kernels ------------------------------------------------------------------------------------------------------------------------

function drawKernels() {
  const device = {title: "Device", text: true, value: (row) => row.device.letter, cell: (row) => badge(row.device), tip: (row) => ({title: row.device.name, text: row.device.where})};
  const layer = {title: "Layer", text: true, value: (row) => row.layer};
  const kernel = {title: "Kernel", text: true, value: (row) => row.kernel.kernel, tip: kernelTip};
  const bound = (row) => row.kernel.limited_by ?? row.kernel.bound ?? null;
  const longest = d3.max(kernelRows, (row) => row.share);
  const colour = (row) => row.device.colour;
  const slowest = d3.sort(kernelRows, (row) => -(row.share ?? 2)); // those without valid times first: they need a look
  const rows = slowest.filter((row, i) => row.ms === null || row.kernel.invalid > 0 || (row.share ?? 0) >= 0.01 || i < 12);
  if (kernelRows.length === 0) {
    $("kernel-table").append(element("p", {class: "muted"}, "No device ran kernels."));
    $("launches").hidden = true;
    return;
  }
  table($("kernel-table"), {
    caption: rows.length < kernelRows.length ? `${rows.length} of ${kernelRows.length} kernels: each of at least 1 % of its run` : `All ${rows.length} kernels`, rows, sort: 3,
    columns: [
      device, layer, kernel,
      {title: "of run", term: "share", format: (value) => percent(value), value: (row) => row.share, bar: (row) => row.share / longest, colour},
      {title: "ms", term: "running", value: (row) => row.ms, mark: (row) => (row.kernel.invalid ? "invalid" : null),
        cell: (row) => (row.ms === null ? element("span", {}, "invalid") : null), tip: kernelTip},
      {title: "p95", term: "p95", value: (row) => row.p95},
      {title: "limited by", term: "limited_by", text: true, value: bound, cell: (row) => element("span", {class: `bound ${bound(row) || ""}`}, bound(row) || UNKNOWN)},
      {title: "of limit", term: "limit_share", format: (value) => percent(value, 0), value: (row) => row.kernel.limit_share, bar: (row) => row.kernel.limit_share, colour},
      {title: "ms above", term: "above", value: (row) => row.above},
      {title: "GFLOP/s", term: "gflops", format: fixed(1), value: (row) => row.kernel.gflops},
      {title: "GB/s", term: "gbps", format: fixed(2), value: (row) => row.kernel.gbps},
      {title: "FLOP/byte", term: "intensity", format: fixed(1), value: (row) => row.kernel.intensity},
      {title: "calls", format: fixed(0), value: (row) => row.kernel.calls},
      {title: "invalid", term: "invalid", format: fixed(0), value: (row) => row.kernel.invalid, mark: (row) => (row.kernel.invalid ? "invalid" : null)},
    ],
  });
  const sizes = (list) => (list.length ? list.join(" \u00d7 ") : UNKNOWN);
  table($("launch-table"), {
    caption: "Launches", rows: kernelRows,
    columns: [
      device, layer, kernel,
      {title: "lowering", term: "lowering", text: true, value: (row) => row.lowering},
      {title: "tuning", term: "tuning", text: true, value: (row) => row.kernel.tuning || null},
      {title: "actual GFLOP", term: "actual", value: (row) => (row.kernel.flops === null ? null : row.kernel.flops / 1e9)},
      {title: "MB", term: "gbps", value: (row) => (row.kernel.bytes === null ? null : row.kernel.bytes / 1e6)},
      {title: "work-items", term: "sizes", text: true, value: (row) => sizes(row.kernel.global)},
      {title: "group", term: "sizes", text: true, value: (row) => sizes(row.kernel.local)},
      {title: "largest", term: "sizes", format: (value) => grouped(value), value: (row) => row.kernel.work_group},
      {title: "local B", term: "kernel_memory", format: (value) => grouped(value), value: (row) => row.kernel.local_bytes},
      {title: "private B", term: "kernel_memory", format: (value) => grouped(value), value: (row) => row.kernel.private_bytes},
      {title: "queued ms", term: "queued", value: (row) => median(row.kernel.queued_ms)},
      {title: "submitted ms", term: "submitted", value: (row) => median(row.kernel.submitted_ms)},
    ],
  });
}

// -- timeline and memory ----------------------------------------------------------------------------------------------------------

function drawTimelines() {
  for (const device of measured) {
    const chart = element("div", {class: "chart"});
    const reset = element("button", {type: "button", class: "screen-only", hidden: true}, "whole run");
    const head = element("header", {}, badge(device), element("span", {}, device.name), element("span", {class: "muted"}, `run ${device.data.typical_run + 1} of ${device.data.runs}`), reset);
    const invalid = device.data.timeline.filter((event) => event.problem);
    $("timeline-charts").append(element("figure", {}, head, chart, invalid.length
      ? element("figcaption", {class: "notice warn"}, `Not drawn on the queue, for their times cannot be true: ${invalid.map((event) => `${event.layer ? `${event.layer} ` : ""}${event.name} (${event.problem})`).join("; ")}`) : null));
    let transform = d3.zoomIdentity, width = 0;
    const draw = () => drawTimeline(chart, device, width, transform, (now) => {
      transform = now;
      reset.hidden = now.k === 1;
      tip.hide();
      draw();
    });
    reset.addEventListener("click", () => {
      transform = d3.zoomIdentity;
      reset.hidden = true;
      draw();
    });
    drawToWidth(chart, (now) => {
      width = now;
      transform = d3.zoomIdentity;
      reset.hidden = true;
      draw();
    });
  }
}

function drawMemory() {
  drawToWidth($("memory-chart"), (width) => drawPhases($("memory-chart"), width));
  const phases = [...new Set(measured.flatMap((device) => device.data.phases.map((phase) => phase.phase)))];
  const of = (device, name) => device.data.phases.filter((phase) => phase.phase === name);
  facts($("memory-table"), measured.map(titleOf), [
    ["allocated on the device", measured.map((device) => bytes(device.data.memory.allocated_bytes)), "allocated"],
    ["most of it live at a time", measured.map((device) => bytes(device.data.memory.peak_live_bytes)), "live"],
    ["most resident", measured.map((device) => bytes(d3.max(device.data.phases, (phase) => phase.resident_bytes) ?? null)), "resident"],
    ...phases.map((name) => [`time to ${{open: "open the device", plan: "plan and compile", peaks: "measure its peaks", "warm-up": "warm up", runs: "run", "layers alone": "run layers alone"}[name] || name}`,
      measured.map((device) => (of(device, name).length ? milliseconds(d3.sum(of(device, name), (phase) => phase.ms)) : null))]),
  ], "Memory, and the phases");
}

// -- what is no layer --------------------------------------------------------------------------------------------------------------

function drawHost() {
  const rows = measured.flatMap((device) => [
    ...device.data.breakdown.filter((part) => part.kind !== "layer").map((part) => ({device, name: part.part, kind: part.kind, ms: part.ms, share: part.share})),
    ...device.data.stages.map((stage) => ({device, name: stage.stage, kind: "host stage", ms: stage.ms, share: stage.ms ? stage.ms.mean / device.data.run_ms.mean : null})),
  ]);
  const device = {title: "Device", text: true, value: (row) => row.device.letter, cell: (row) => badge(row.device)};
  table($("overhead-table"), {
    caption: "Parts of a run beside its layers, and the host\u2019s stages", rows: rows.filter((row) => row.kind === "host stage" || row.share >= 0.0005), sort: 3,
    columns: [
      device, {title: "kind", text: true, value: (row) => row.kind}, {title: "part", text: true, value: (row) => row.name},
      {title: "mean ms", value: (row) => (row.ms ? row.ms.mean : null), format: fixed(4)}, {title: "median ms", value: (row) => median(row.ms), format: fixed(4)},
      {title: "p95 ms", value: (row) => (row.ms ? row.ms.p95 : null), format: fixed(4)},
      {title: "of run", term: "share", format: (value) => percent(value, 2), value: (row) => row.share, bar: (row) => row.share, colour: (row) => row.device.colour},
    ],
  });
  const transfers = measured.flatMap((each) => each.data.transfers.map((transfer) => ({device: each, transfer})))
    .filter((row) => !row.device.host || row.transfer.layer === null); // on `host`, each layer copies
  if (transfers.length === 0) return;
  table($("transfer-table"), {
    caption: "Transfers of each run", rows: transfers,
    columns: [
      device, {title: "direction", text: true, value: (row) => row.transfer.direction}, {title: "what", text: true, value: (row) => row.transfer.layer || row.transfer.name},
      {title: "MB", value: (row) => row.transfer.bytes / 1e6}, {title: "running ms", term: "running", value: (row) => median(row.transfer.running_ms), format: fixed(4), mark: (row) => (row.transfer.invalid ? "invalid" : null)},
      {title: "queued ms", term: "queued", value: (row) => median(row.transfer.queued_ms), format: fixed(4)}, {title: "submitted ms", term: "submitted", value: (row) => median(row.transfer.submitted_ms), format: fixed(4)},
      {title: "GB/s", term: "gbps", value: (row) => row.transfer.gbps, format: fixed(2)}, {title: "invalid", term: "invalid", value: (row) => row.transfer.invalid, format: fixed(0), mark: (row) => (row.transfer.invalid ? "invalid" : null)},
    ],
  });
}

// -- verification ------------------------------------------------------------------------------------------------------------------

function verificationLine(device) {
  const [tone, verdict] = verdictOf(device), {verification} = device.data;
  const line = [badge(device), element("span", {class: `pill ${tone}`}, verdict)];
  if (device.host) line.push("It computes the references themselves, which there is nothing to hold against.");
  else if (!verification) line.push(device.ok ? "Skipped: --no-verify was given, or the profile was saved without --html." : "It did not run.");
  else if (verification.texts) {
    line.push(`Logits at most ${verification.logits_max_error.toExponential(2)} from the reference\u2019s, ${verification.logits_bound.toExponential(0)} allowed; `,
      verification.texts_agree ? "the texts agree: " : "the texts differ: ",
      element("q", {}, verification.texts.map((text) => text.device ?? UNKNOWN).join(" / ")),
      verification.texts_agree ? "" : element("span", {}, " instead of ", element("q", {}, verification.texts.map((text) => text.host).join(" / "))),
      verification.ambiguous_frames ? ` (${verification.ambiguous_frames} of ${verification.frames} frames are ambiguous)` : "");
  }
  if (verification && verification.error) line.push(` ${verification.error}`);
  return element("p", {class: "verdict"}, ...line);
}

function drawVerification() {
  $("verification-summary").append(...devices.map(verificationLine));
  const verified = measured.filter((device) => device.data.verification && device.data.verification.layers.length);
  if (verified.length === 0) return;
  const rows = [...new Set(verified.flatMap((device) => device.data.verification.layers.map((layer) => layer.layer)))].map((name) => ({name, of: new Map(verified.map((device) => [device, device.data.verification.layers.find((layer) => layer.layer === name)]))}));
  const of = (device, key) => (row) => (row.of.get(device) ? row.of.get(device)[key] ?? null : null);
  table($("verification-table"), {
    caption: "Layers against the reference, each on the same input", rows,
    columns: [
      {title: "Layer", text: true, value: (row) => row.name},
      ...verified.flatMap((device) => {
        const shared = {group: device, colour: () => (device.colour), mark: (row) => (row.of.get(device) && !row.of.get(device).ok ? "invalid" : null), tip: (row) => {
          const layer = row.of.get(device);
          return layer ? {title: `${device.letter} \u00b7 ${layer.layer} \u00b7 ${layer.lowering}`, rows: [["largest error", significant(layer.max_error)], ["of bound", percent(layer.bound_share, 2)], ["\u03c1", significant(layer.rho)],
            ["\u03ba", significant(layer.kappa)], ["drift", significant(layer.drift_rho)], ["tuned", layer.tuned ? "yes" : "no"], layer.reason && ["reason", layer.reason]]} : {text: "This device has no such layer."};
        }};
        return [
          {...shared, title: "of bound", term: "bound_share", format: (value) => percent(value, 2), value: of(device, "bound_share"), bar: of(device, "bound_share")},
          {...shared, title: "\u03c1", term: "rho", format: fixed(1), value: of(device, "rho")},
          {...shared, title: "drift", term: "drift", format: fixed(1), value: of(device, "drift_rho")},
        ];
      }),
    ],
  });
}

// -- environment, terms -------------------------------------------------------------------------------------------------------------

function drawEnvironment() {
  const info = (get) => devices.map((device) => (device.info ? get(device.info) : null));
  const yes = (flag) => (flag ? "yes" : "no");
  facts($("device-facts"), devices.map(titleOf), [
    ["selector", devices.map((device) => (device.info ? device.info.select : device.data.select))], ["type", info((i) => i.type)], ["vendor", info((i) => i.vendor)], ["platform", info((i) => i.platform)],
    ["driver", info((i) => i.driver)], ["OpenCL", info((i) => i.opencl)], ["OpenCL C", info((i) => i.opencl_c)], ["compute units", info((i) => i.compute_units)],
    ["clock", info((i) => (i.clock_mhz ? `${i.clock_mhz} MHz` : null))], ["memory", info((i) => (i.memory_bytes ? bytes(i.memory_bytes) : null))],
    ["largest allocation", info((i) => (i.largest_allocation_bytes ? bytes(i.largest_allocation_bytes) : null))],
    ["local memory", info((i) => (i.local_memory_bytes ? `${bytes(i.local_memory_bytes)}, ${i.local_memory_dedicated ? "dedicated" : "emulated"}` : null))],
    ["largest work-group", info((i) => i.largest_work_group || null)], ["fp16, fp64, sub-groups", info((i) => `${yes(i.fp16)}, ${yes(i.fp64)}, ${yes(i.subgroups)}`)], ["denormals", info((i) => yes(i.denormals))],
    ["peak of multiply-adds", devices.map(({data}) => (data.peaks && data.peaks.fma_gflops ? `${significant(data.peaks.fma_gflops)} GFLOP/s` : null)), "roofline"],
    ["copying", devices.map(({data}) => (data.peaks && data.peaks.copy_gbps ? `${significant(data.peaks.copy_gbps)} GB/s` : null)), "roofline"],
    ["runs profiled", devices.map(({data}) => data.runs)],
    ["events, invalid", devices.map(({data}) => (data.clock && data.clock.events !== undefined ? `${data.clock.events}, ${data.clock.invalid}` : null)), "invalid"],
    ["clock error", devices.map(({data}) => (data.clock && data.clock.error_ns !== undefined ? microseconds(data.clock.error_ns / 1e3) : null)), "clock"],
  ], "Devices");
  const run = (get) => documents.map(get);
  facts($("run-facts"), documents.map((doc, i) => (documents.length === 1 ? "" : `profile ${i + 1}: ${devices.filter((device) => device.index === i).map((device) => device.letter).join(", ")}`)), [
    ["lipcl", run((doc) => doc.lipcl)], ["model", run((doc) => doc.model)], ["clip", run((doc) => doc.clip)], ["input", run((doc) => doc.shape.join(" \u00d7 "))], ["runs asked for", run((doc) => doc.runs)],
    ["layers fused", run((doc) => yes(doc.fusion))], ["precision, gemm", run((doc) => (doc.options ? `${doc.options.precision}, ${doc.options.gemm}` : null))],
    ["crop", run((doc) => (doc.options && doc.options.crop.length ? doc.options.crop.join(", ") : null))],
    ["date", run((doc) => doc.environment.date)], ["processor", run((doc) => `${doc.environment.processor ?? "unknown"}, ${doc.environment.processors} of them`)], ["memory", run((doc) => bytes(doc.environment.memory_bytes))],
    ["system", run((doc) => doc.environment.system)], ["load before the first run", run((doc) => (doc.environment.load === null ? null : doc.environment.load.toFixed(2)))],
  ], "What was run, and where");
}

function drawTerms() {
  for (const [title, text] of Object.values(TERMS)) $("glossary").append(element("div", {}, element("dt", {}, title), element("dd", {}, text)));
  for (const node of document.querySelectorAll("[data-term]")) {
    node.tabIndex = 0;
    explainTerm(node, node.dataset.term);
  }
}

// A document that somebody has edited may lack what a section needs: the others are drawn all the same.
const sections = {
  devices: drawHead, layers: drawLayers, roofline: () => drawToWidth($("roofline-chart"), (width) => drawRoofline($("roofline-chart"), width)), kernels: drawKernels,
  timeline: drawTimelines, memory: drawMemory, host: drawHost, verification: drawVerification, environment: drawEnvironment, terms: drawTerms,
};
for (const [id, draw] of Object.entries(sections)) {
  try {
    draw();
  } catch (error) {
    console.error(error);
    $(id).append(element("p", {class: "notice bad"}, `This section cannot be drawn from the JSON that the page holds: ${error.message}`));
  }
}
// A printed page shows all.
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => (details.open = true)));
window.addEventListener("scroll", () => tip.follow(), {passive: true});
document.addEventListener("keydown", (event) => event.key === "Escape" && tip.hide());
document.documentElement.dataset.ready = "true";
