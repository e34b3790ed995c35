// What the devices computed, against the references.

function verificationLine(device) {
    const [tone, verdict] = verdictOf(device), {verification} = device.data;
    const line = element("p", {class: "verdict"}, badge(device), element("span", {class: `pill ${tone}`}, verdict));
    const quoted = (which) => element("q", {}, verification.texts.map((text) => text[which] ?? UNKNOWN).join(" / "));
    if (device.host)
        line.append("It computes the references themselves, which there is nothing to hold against.");
    else if (!device.ok)
        line.append("It did not run.");
    else if (!verification)
        line.append("Skipped: --no-verify was given, or the profile was saved without --html.");
    if (verification && verification.texts) {
        const {logits_max_error: error, logits_bound: bound, ambiguous_frames: ambiguous, frames} = verification;
        line.append(`Logits at most ${error === null ? UNKNOWN : error.toExponential(2)} from the reference\u2019s,`);
        line.append(` ${bound.toExponential(0)} allowed; `);
        if (verification.texts_agree)
            line.append("the texts agree: ", quoted("device"));
        else
            line.append("the texts differ: ", quoted("device"), " instead of ", quoted("host"));
        if (ambiguous) line.append(` (${ambiguous} of ${frames} frames are ambiguous)`);
    }
    if (verification && verification.error) line.append(` ${verification.error}`);
    return line;
}

function checkTip(device, layer) {
    return {
        title: `${device.letter} \u00b7 ${layer.layer} \u00b7 ${layer.lowering}`,
        rows: [
            ["largest error", significant(layer.max_error)],
            ["of bound", percent(layer.bound_share, 2)],
            ["\u03c1", significant(layer.rho)],
            ["\u03ba", significant(layer.kappa)],
            ["drift", significant(layer.drift_rho)],
            ["tuned", layer.tuned ? "yes" : "no"],
            layer.reason && ["reason", layer.reason],
        ],
    };
}

// Of one device; rows have `checks`, a map by device.
function checkColumns(device) {
    const of = (key) => (row) => (row.checks.has(device) ? row.checks.get(device)[key] ?? null : null);
    const isWrong = (row) => row.checks.has(device) && !row.checks.get(device).ok;
    const about = (row) =>
        (row.checks.has(device) ? checkTip(device, row.checks.get(device)) : {text: "This device has no such layer."});
    const shared = {group: device, colour: () => device.colour, mark: (row) => (isWrong(row) ? "invalid" : null), tip: about};
    return [
        percentColumn("of bound", of("bound_share"), 2, {...shared, term: "bound_share", bar: of("bound_share")}),
        numberColumn("\u03c1", of("rho"), 1, {...shared, term: "rho"}),
        numberColumn("drift", of("drift_rho"), 1, {...shared, term: "drift"}),
    ];
}

function drawVerification() {
    $("verification-summary").append(...devices.map(verificationLine));
    const verified = measured.filter((device) => device.data.verification && device.data.verification.layers.length);
    if (verified.length === 0) return;
    const checkOf = (device, name) => device.data.verification.layers.find((layer) => layer.layer === name);
    const names = [...new Set(verified.flatMap((device) => device.data.verification.layers.map((layer) => layer.layer)))];
    const checksOf = (name) => new Map(verified.map((device) => [device, checkOf(device, name)]).filter(([, check]) => check));
    table($("verification-table"), {
        caption: "Layers against the reference, each on the same input",
        rows: names.map((name) => ({name, checks: checksOf(name)})),
        columns: [textColumn("Layer", (row) => row.name), ...verified.flatMap(checkColumns)],
    });
}
