// The page below its layers, section by section, and the order in which all is drawn.

const titleOf = (device) => [badge(device), " ", device.name];
const deviceColumn = {
    title: "Device",
    text: true,
    value: (row) => row.device.letter,
    cell: (row) => badge(row.device),
    tip: (row) => ({title: row.device.name, text: row.device.where}),
};

// -- kernels
// ------------------------------------------------------------------------------------------------------------------------

function drawKernels() {
    const layer = {title: "Layer", text: true, value: (row) => row.layer};
    const kernel = {title: "Kernel", text: true, value: (row) => row.kernel.kernel, tip: kernelTip};
    const bound = (row) => limitOf(row.kernel);
    const longest = d3.max(kernelRows, (row) => row.share);
    const colour = (row) => row.device.colour;
    const slowest = d3.sort(kernelRows, (row) => -(row.share ?? 2));  // those without valid times first: they need a look
    const rows = slowest.filter((row, i) => row.ms === null || row.kernel.invalid > 0 || (row.share ?? 0) >= 0.01 || i < 12);
    if (kernelRows.length === 0) {
        $("kernel-table").append(element("p", {class: "muted"}, "No device ran kernels."));
        $("launches").hidden = true;
        return;
    }
    table($("kernel-table"), {
        caption: rows.length < kernelRows.length ?
            `${rows.length} of ${kernelRows.length} kernels: each of at least 1 % of its run` :
            `All ${rows.length} kernels`,
        rows,
        sort: 3,
        columns: [
            deviceColumn,
            layer,
            kernel,
            {
                title: "of run",
                term: "share",
                format: (value) => percent(value),
                value: (row) => row.share,
                bar: (row) => row.share / longest,
                colour
            },
            {
                title: "ms",
                term: "running",
                value: (row) => row.ms,
                mark: (row) => (row.kernel.invalid ? "invalid" : null),
                cell: (row) => (row.ms === null ? element("span", {}, "invalid") : null),
                tip: kernelTip
            },
            {title: "p95", term: "p95", value: (row) => row.p95},
            {
                title: "limited by",
                term: "limited_by",
                text: true,
                value: bound,
                cell: (row) => element("span", {class: `bound ${bound(row) || ""}`}, bound(row) || UNKNOWN)
            },
            {
                title: "of limit",
                term: "limit_share",
                format: (value) => percent(value, 0),
                value: (row) => row.kernel.limit_share,
                bar: (row) => row.kernel.limit_share,
                colour
            },
            {title: "ms above", term: "above", value: (row) => row.above},
            {title: "GFLOP/s", term: "gflops", format: fixed(1), value: (row) => row.kernel.gflops},
            {title: "GB/s", term: "gbps", format: fixed(2), value: (row) => row.kernel.gbps},
            {title: "FLOP/byte", term: "intensity", format: fixed(1), value: (row) => row.kernel.intensity},
            {title: "calls", format: fixed(0), value: (row) => row.kernel.calls},
            {
                title: "invalid",
                term: "invalid",
                format: fixed(0),
                value: (row) => row.kernel.invalid,
                mark: (row) => (row.kernel.invalid ? "invalid" : null)
            },
        ],
    });
    table($("launch-table"), {
        caption: "Launches",
        rows: kernelRows,
        columns: [
            deviceColumn,
            layer,
            kernel,
            {title: "lowering", term: "lowering", text: true, value: (row) => row.lowering},
            {title: "tuning", term: "tuning", text: true, value: (row) => row.kernel.tuning || null},
            {
                title: "actual GFLOP",
                term: "actual",
                value: (row) => (row.kernel.flops === null ? null : row.kernel.flops / 1e9)
            },
            {title: "MB", term: "gbps", value: (row) => (row.kernel.bytes === null ? null : row.kernel.bytes / 1e6)},
            {title: "work-items", term: "sizes", text: true, value: (row) => sizes(row.kernel.global)},
            {title: "group", term: "sizes", text: true, value: (row) => sizes(row.kernel.local)},
            {title: "largest", term: "sizes", format: (value) => grouped(value), value: (row) => row.kernel.work_group},
            {
                title: "local B",
                term: "kernel_memory",
                format: (value) => grouped(value),
                value: (row) => row.kernel.local_bytes
            },
            {
                title: "private B",
                term: "kernel_memory",
                format: (value) => grouped(value),
                value: (row) => row.kernel.private_bytes
            },
            {title: "queued ms", term: "queued", value: (row) => median(row.kernel.queued_ms)},
            {title: "submitted ms", term: "submitted", value: (row) => median(row.kernel.submitted_ms)},
        ],
    });
}

// -- timeline and memory
// ----------------------------------------------------------------------------------------------------------

function drawTimelines() {
    for (const device of measured) {
        const chart = element("div", {class: "chart"});
        const reset = element("button", {type: "button", class: "screen-only", hidden: true}, "whole run");
        const head = element(
            "header", {}, badge(device), element("span", {}, device.name),
            element("span", {class: "muted"}, `run ${device.data.typical_run + 1} of ${device.data.runs}`), reset);
        const invalid = device.data.timeline.filter((event) => event.problem);
        $("timeline-charts")
            .append(element(
                "figure", {}, head, chart,
                invalid.length ?
                    element(
                        "figcaption", {class: "notice warn"},
                        `Not drawn on the queue, for their times cannot be true: ${
                            invalid.map((event) => `${event.layer ? `${event.layer} ` : ""}${event.name} (${event.problem})`)
                                .join("; ")}`) :
                    null));
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
    facts(
        $("memory-table"), measured.map(titleOf),
        [
            ["allocated on the device", measured.map((device) => bytes(device.data.memory.allocated_bytes)), "allocated"],
            ["most of it live at a time", measured.map((device) => bytes(device.data.memory.peak_live_bytes)), "live"],
            [
                "most resident",
                measured.map((device) => bytes(d3.max(device.data.phases, (phase) => phase.resident_bytes) ?? null)), "resident"
            ],
            ...phases.map(
                (name) =>
                    [`time to ${{
                         open: "open the device",
                         plan: "plan and compile",
                         peaks: "measure its peaks",
                         "warm-up": "warm up",
                         runs: "run",
                         "layers alone": "run layers alone"
                     }[name] || name}`,
                     measured.map(
                         (device) =>
                             (of(device, name).length ? milliseconds(d3.sum(of(device, name), (phase) => phase.ms)) : null))]),
        ],
        "Memory, and the phases");
}

// -- what is no layer
// --------------------------------------------------------------------------------------------------------------

function drawHost() {
    const rows = measured.flatMap(
        (device) =>
            [...device.data.breakdown.filter((part) => part.kind !== "layer")
                 .map((part) => ({device, name: part.part, kind: part.kind, ms: part.ms, share: part.share})),
             ...device.data.stages.map((stage) => ({
                                           device,
                                           name: stage.stage,
                                           kind: "host stage",
                                           ms: stage.ms,
                                           share: stage.ms ? stage.ms.mean / device.data.run_ms.mean : null
                                       })),
    ]);
    table($("overhead-table"), {
        caption: "Parts of a run beside its layers, and the host\u2019s stages",
        rows: rows.filter((row) => row.kind === "host stage" || row.share >= 0.0005),
        sort: 3,
        columns: [
            deviceColumn,
            {title: "kind", text: true, value: (row) => row.kind},
            {title: "part", text: true, value: (row) => row.name},
            {title: "mean ms", value: (row) => (row.ms ? row.ms.mean : null), format: fixed(4)},
            {title: "median ms", value: (row) => median(row.ms), format: fixed(4)},
            {title: "p95 ms", value: (row) => (row.ms ? row.ms.p95 : null), format: fixed(4)},
            {
                title: "of run",
                term: "share",
                format: (value) => percent(value, 2),
                value: (row) => row.share,
                bar: (row) => row.share,
                colour: (row) => row.device.colour
            },
        ],
    });
    const transfers = measured.flatMap((each) => each.data.transfers.map((transfer) => ({device: each, transfer})))
                          .filter((row) => !row.device.host || row.transfer.layer === null);  // on `host`, each layer copies
    if (transfers.length === 0) return;
    table($("transfer-table"), {
        caption: "Transfers of each run",
        rows: transfers,
        columns: [
            deviceColumn,
            {title: "direction", text: true, value: (row) => row.transfer.direction},
            {title: "what", text: true, value: (row) => row.transfer.layer || row.transfer.name},
            {title: "MB", value: (row) => row.transfer.bytes / 1e6},
            {
                title: "running ms",
                term: "running",
                value: (row) => median(row.transfer.running_ms),
                format: fixed(4),
                mark: (row) => (row.transfer.invalid ? "invalid" : null)
            },
            {title: "queued ms", term: "queued", value: (row) => median(row.transfer.queued_ms), format: fixed(4)},
            {title: "submitted ms", term: "submitted", value: (row) => median(row.transfer.submitted_ms), format: fixed(4)},
            {title: "GB/s", term: "gbps", value: (row) => row.transfer.gbps, format: fixed(2)},
            {
                title: "invalid",
                term: "invalid",
                value: (row) => row.transfer.invalid,
                format: fixed(0),
                mark: (row) => (row.transfer.invalid ? "invalid" : null)
            },
        ],
    });
}

// -- verification
// ------------------------------------------------------------------------------------------------------------------

function verificationLine(device) {
    const [tone, verdict] = verdictOf(device), {verification} = device.data;
    const line = [badge(device), element("span", {class: `pill ${tone}`}, verdict)];
    if (device.host)
        line.push("It computes the references themselves, which there is nothing to hold against.");
    else if (!verification)
        line.push(device.ok ? "Skipped: --no-verify was given, or the profile was saved without --html." : "It did not run.");
    else if (verification.texts) {
        line.push(
            `Logits at most ${verification.logits_max_error.toExponential(2)} from the reference\u2019s, ${
                verification.logits_bound.toExponential(0)} allowed; `,
            verification.texts_agree ? "the texts agree: " : "the texts differ: ",
            element("q", {}, verification.texts.map((text) => text.device ?? UNKNOWN).join(" / ")),
            verification.texts_agree ?
                "" :
                element("span", {}, " instead of ", element("q", {}, verification.texts.map((text) => text.host).join(" / "))),
            verification.ambiguous_frames ?
                ` (${verification.ambiguous_frames} of ${verification.frames} frames are ambiguous)` :
                "");
    }
    if (verification && verification.error) line.push(` ${verification.error}`);
    return element("p", {class: "verdict"}, ...line);
}

function drawVerification() {
    $("verification-summary").append(...devices.map(verificationLine));
    const verified = measured.filter((device) => device.data.verification && device.data.verification.layers.length);
    if (verified.length === 0) return;
    const rows = [...new Set(verified.flatMap((device) => device.data.verification.layers.map((layer) => layer.layer)))].map(
        (name) => ({
            name,
            of: new Map(
                verified.map((device) => [device, device.data.verification.layers.find((layer) => layer.layer === name)]))
        }));
    const of = (device, key) => (row) => (row.of.get(device) ? row.of.get(device)[key] ?? null : null);
    table($("verification-table"), {
        caption: "Layers against the reference, each on the same input",
        rows,
        columns: [
            {title: "Layer", text: true, value: (row) => row.name},
            ...verified.flatMap((device) => {
                const shared = {
                    group: device,
                    colour: () => (device.colour),
                    mark: (row) => (row.of.get(device) && !row.of.get(device).ok ? "invalid" : null),
                    tip: (row) => {
                        const layer = row.of.get(device);
                        return layer ? {
                            title: `${device.letter} \u00b7 ${layer.layer} \u00b7 ${layer.lowering}`,
                            rows: [
                                ["largest error", significant(layer.max_error)], ["of bound", percent(layer.bound_share, 2)],
                                ["\u03c1", significant(layer.rho)], ["\u03ba", significant(layer.kappa)],
                                ["drift", significant(layer.drift_rho)], ["tuned", layer.tuned ? "yes" : "no"],
                                layer.reason && ["reason", layer.reason]
                            ]
                        } :
                                       {text: "This device has no such layer."};
                    }
                };
                return [
                    {
                        ...shared,
                        title: "of bound",
                        term: "bound_share",
                        format: (value) => percent(value, 2),
                        value: of(device, "bound_share"),
                        bar: of(device, "bound_share")
                    },
                    {...shared, title: "\u03c1", term: "rho", format: fixed(1), value: of(device, "rho")},
                    {...shared, title: "drift", term: "drift", format: fixed(1), value: of(device, "drift_rho")},
                ];
            }),
        ],
    });
}

// -- environment, terms
// -------------------------------------------------------------------------------------------------------------

function drawEnvironment() {
    const info = (get) => devices.map((device) => (device.info ? get(device.info) : null));
    const yes = (flag) => (flag ? "yes" : "no");
    facts(
        $("device-facts"), devices.map(titleOf),
        [
            ["selector", devices.map((device) => (device.info ? device.info.select : device.data.select))],
            ["type", info((i) => i.type)],
            ["vendor", info((i) => i.vendor)],
            ["platform", info((i) => i.platform)],
            ["driver", info((i) => i.driver)],
            ["OpenCL", info((i) => i.opencl)],
            ["OpenCL C", info((i) => i.opencl_c)],
            ["compute units", info((i) => i.compute_units)],
            ["clock", info((i) => (i.clock_mhz ? `${i.clock_mhz} MHz` : null))],
            ["memory", info((i) => (i.memory_bytes ? bytes(i.memory_bytes) : null))],
            ["largest allocation", info((i) => (i.largest_allocation_bytes ? bytes(i.largest_allocation_bytes) : null))],
            [
                "local memory",
                info(
                    (i) =>
                        (i.local_memory_bytes ?
                             `${bytes(i.local_memory_bytes)}, ${i.local_memory_dedicated ? "dedicated" : "emulated"}` :
                             null))
            ],
            ["largest work-group", info((i) => i.largest_work_group || null)],
            ["fp16, fp64, sub-groups", info((i) => `${yes(i.fp16)}, ${yes(i.fp64)}, ${yes(i.subgroups)}`)],
            ["denormals", info((i) => yes(i.denormals))],
            [
                "peak of multiply-adds",
                devices.map(
                    ({data}) => (data.peaks && data.peaks.fma_gflops ? `${significant(data.peaks.fma_gflops)} GFLOP/s` : null)),
                "roofline"
            ],
            [
                "copying",
                devices.map(
                    ({data}) => (data.peaks && data.peaks.copy_gbps ? `${significant(data.peaks.copy_gbps)} GB/s` : null)),
                "roofline"
            ],
            ["runs profiled", devices.map(({data}) => data.runs)],
            [
                "events, invalid",
                devices.map(
                    ({data}) =>
                        (data.clock && data.clock.events !== undefined ? `${data.clock.events}, ${data.clock.invalid}` : null)),
                "invalid"
            ],
            [
                "clock error",
                devices.map(
                    ({data}) =>
                        (data.clock && data.clock.error_ns !== undefined ? microseconds(data.clock.error_ns / 1e3) : null)),
                "clock"
            ],
        ],
        "Devices");
    const run = (get) => documents.map(get);
    facts(
        $("run-facts"),
        documents.map(
            (doc, i) =>
                (documents.length === 1 ?
                     "" :
                     `profile ${i + 1}: ${
                         devices.filter((device) => device.index === i).map((device) => device.letter).join(", ")}`)),
        [
            ["lipcl", run((doc) => doc.lipcl)],
            ["model", run((doc) => doc.model)],
            ["clip", run((doc) => doc.clip)],
            ["input", run((doc) => doc.shape.join(" \u00d7 "))],
            ["runs asked for", run((doc) => doc.runs)],
            ["layers fused", run((doc) => yes(doc.fusion))],
            ["precision, gemm", run((doc) => (doc.options ? `${doc.options.precision}, ${doc.options.gemm}` : null))],
            ["crop", run((doc) => (doc.options && doc.options.crop.length ? doc.options.crop.join(", ") : null))],
            ["date", run((doc) => doc.environment.date)],
            ["processor", run((doc) => `${doc.environment.processor ?? "unknown"}, ${doc.environment.processors} of them`)],
            ["memory", run((doc) => bytes(doc.environment.memory_bytes))],
            ["system", run((doc) => doc.environment.system)],
            [
                "load before the first run",
                run((doc) => (doc.environment.load === null ? null : doc.environment.load.toFixed(2)))
            ],
        ],
        "What was run, and where");
}

function drawTerms() {
    for (const [title, text] of Object.values(TERMS))
        $("glossary").append(element("div", {}, element("dt", {}, title), element("dd", {}, text)));
    for (const node of document.querySelectorAll("[data-term]")) {
        node.tabIndex = 0;
        explainTerm(node, node.dataset.term);
    }
}

// A document that somebody has edited may lack what a section needs: the others are drawn all the same.
const sections = {
    devices: drawHead,
    layers: drawLayers,
    roofline: () => drawToWidth($("roofline-chart"), (width) => drawRoofline($("roofline-chart"), width)),
    kernels: drawKernels,
    timeline: drawTimelines,
    memory: drawMemory,
    host: drawHost,
    verification: drawVerification,
    environment: drawEnvironment,
    terms: drawTerms,
};
for (const [id, draw] of Object.entries(sections)) {
    try {
        draw();
    } catch (error) {
        console.error(error);
        $(id).append(element(
            "p", {class: "notice bad"}, `This section cannot be drawn from the JSON that the page holds: ${error.message}`));
    }
}
// A printed page shows all.
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => (details.open = true)));
window.addEventListener("scroll", () => tip.follow(), {passive: true});
document.addEventListener("keydown", (event) => event.key === "Escape" && tip.hide());
document.documentElement.dataset.ready = "true";
