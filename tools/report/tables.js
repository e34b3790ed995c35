// Elements, tooltips, and tables that sort by a click on a heading.

function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (name === "style")
            node.style.cssText = value;
        else
            node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
}

const badge = (device) => element("span", {class: "badge", style: `--device: ${device.colour}`}, device.letter);

// -- tooltips: one element that follows what is pointed at or focused -----------------------------------------------------
const tip = {
    node: document.getElementById("tip"),
    focused: null,  // what the keyboard is on; the pointer's tooltip goes when the page scrolls, the keyboard's comes along
    show(target, content, event) {
        this.focused = event ? null : target;
        const {title, text, rows = []} = content;
        this.node.replaceChildren(
            ...[title && element("strong", {}, title),
                text && element("p", {}, text),
                rows.length &&
                    element(
                        "dl", {},
                        ...rows.filter((row) => row)
                            .flatMap(([key, value]) => [element("dt", {}, key), element("dd", {}, String(value))])),
        ].filter(Boolean));
        this.node.hidden = false;
        this.place(target, event);
    },
    place(target, event) {
        const box = target.getBoundingClientRect(), size = this.node.getBoundingClientRect(), margin = 8;
        const x = event && event.clientX !== undefined ? event.clientX + 14 : box.left;
        const below = (event && event.clientY !== undefined ? event.clientY : box.bottom) + 14;
        const above = (event && event.clientY !== undefined ? event.clientY : box.top) - size.height - 10;
        this.node.style.left = `${Math.max(margin, Math.min(x, window.innerWidth - size.width - margin))}px`;
        this.node.style.top = `${below + size.height + margin > window.innerHeight && above > margin ? above : below}px`;
    },
    hide() {
        this.node.hidden = true;
        this.focused = null;
    },
    follow() {
        if (this.focused)
            this.place(this.focused);
        else
            this.hide();
    },
};

// `content` is an object or a function that makes one.
function explain(node, content) {
    const make = () => (typeof content === "function" ? content() : content);
    node.addEventListener("pointerenter", (event) => tip.show(node, make(), event));
    node.addEventListener("pointermove", (event) => tip.place(node, event));
    node.addEventListener("pointerleave", () => tip.focused || tip.hide());
    node.addEventListener("focus", () => tip.show(node, make()));
    node.addEventListener("blur", () => tip.hide());
    return node;
}

function explainTerm(node, term) {
    const [title, text] = TERMS[term];
    node.classList.add("term");
    return explain(node, {title, text});
}

// -- tables ---------------------------------------------------------------------------------------------------------------
// columns: {title, term, group, text: true for left-aligned text, value(row): what sorts and what the JSON says, format(value,
// row),
//           bar(row): share of the cell that is filled, colour(row), mark(row): a class, tip(row), cell(row): a node in place
//           of text}
function compare(a, b) {
    if (a === null || a === undefined) return b === null || b === undefined ? 0 : 1;
    if (b === null || b === undefined) return -1;
    return typeof a === "string" ? a.localeCompare(b, "en", {numeric: true}) : a - b;
}

function groupRow(columns) {
    const row = element("tr", {class: "groups"});
    for (let i = 0; i < columns.length;) {
        let n = 1;
        while (i + n < columns.length && columns[i + n].group === columns[i].group) n++;
        const {group} = columns[i];
        row.append(element(
            "th", {colspan: n, scope: "colgroup", class: group ? "group" : null},
            ...(group ? [badge(group), " ", group.name] : [])));
        i += n;
    }
    return row;
}

function cellOf(column, row, format, first) {
    const value = column.value(row) ?? null;
    const cell = element(first ? "th" : "td", {
        scope: first ? "row" : null,
        class:
            [column.text ? "text" : "number", column.mark && column.mark(row), column.starts && "starts"].filter(Boolean).join(
                " "),
        "data-value": value === null ? "" : value,
    });
    const share = column.bar ? column.bar(row) : null;
    if (share) {
        const filled = Math.max(0, Math.min(1, share));
        cell.append(
            element("span", {class: "bar", style: `--share: ${(100 * filled).toFixed(2)}%; --device: ${column.colour(row)}`}));
    }
    cell.append((column.cell && column.cell(row)) || element("span", {}, format(value, row)));
    if (column.tip) explain(cell, () => column.tip(row));
    return cell;
}

function table(container, {columns, rows, caption, sort = null, descending = true}) {
    const formats = columns.map(
        (column) => column.format || (column.text ? (value) => value ?? UNKNOWN : fixed(columnDigits(rows.map(column.value)))));
    const starts = (i) => i > 0 && columns[i].group !== columns[i - 1].group;
    columns.forEach((column, i) => (column.starts = starts(i)));
    const body = element("tbody");
    for (const row of rows)
        body.append(element("tr", {}, ...columns.map((column, i) => cellOf(column, row, formats[i], i === 0))));
    const order = Array.from(body.rows, (tr, i) => ({tr, row: rows[i], i}));
    const headings = columns.map((column) => {
        const button = element("button", {type: "button"}, column.title);
        if (column.term) explainTerm(button, column.term);
        return element(
            "th", {
                scope: "col",
                "aria-sort": "none",
                class: [column.text ? "text" : "number", column.starts && "starts"].filter(Boolean).join(" ")
            },
            button);
    });
    const sortBy = (index, down) => {
        headings.forEach(
            (heading, i) => heading.setAttribute(
                "aria-sort",
                i !== index ? "none" :
                    down    ? "descending" :
                              "ascending"));
        const value = columns[index].value;
        const known = (entry) => value(entry.row) !== null && value(entry.row) !== undefined;
        order.sort((a, b) => {
            // Unknown values are last, whichever way.
            if (known(a) !== known(b)) return known(a) ? -1 : 1;
            return (down ? -1 : 1) * compare(value(a.row), value(b.row)) || a.i - b.i;
        });
        body.append(...order.map((entry) => entry.tr));
    };
    headings.forEach((heading, i) => heading.firstChild.addEventListener("click", () => {
        const now = heading.getAttribute("aria-sort");
        sortBy(i, now === "none" ? !columns[i].text : now === "ascending");
    }));
    const head = element(
        "thead", {}, ...(columns.some((column) => column.group) ? [groupRow(columns)] : []), element("tr", {}, ...headings));
    const whole = element("table", {}, caption ? element("caption", {}, caption) : null, head, body);
    container.append(element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption || "table"}, whole));
    if (sort !== null) sortBy(sort, descending);
    return whole;
}

// Columns. `digits` behind the point; null: as many as the column's largest number needs.
const textColumn = (title, value, more = {}) => ({title, text: true, value, ...more});
const numberColumn = (title, value, digits = null, more = {}) =>
    ({title, value, format: digits === null ? null : fixed(digits), ...more});
const countColumn = (title, value, more = {}) => ({title, value, format: (count) => grouped(count), ...more});
const percentColumn = (title, value, digits, more = {}) => ({title, value, format: (share) => percent(share, digits), ...more});
const deviceColumn = textColumn("Device", (row) => row.device.letter, {
    cell: (row) => badge(row.device),
    tip: (row) => ({title: row.device.name, text: row.device.where}),
});
const titleOf = (device) => [badge(device), " ", device.name];

// Facts: names down, devices or runs across.
function facts(container, titles, rows, caption) {
    const body = element("tbody");
    for (const [name, values, term] of rows) {
        if (values.every((value) => value === null || value === undefined || value === "")) continue;
        const heading = element(
            "th", {scope: "row", class: "text"}, term ? explainTerm(element("span", {tabindex: "0"}, name), term) : name);
        body.append(element(
            "tr", {}, heading,
            ...values.map(
                (value) => element(
                    "td", {class: "text"}, value === null || value === undefined || value === "" ? UNKNOWN : String(value)))));
    }
    const head = element(
        "thead", {},
        element(
            "tr", {}, element("th", {}),
            ...titles.map((title) => element("th", {scope: "col", class: "text"}, ...[title].flat()))));
    container.append(element(
        "div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption},
        element("table", {class: "facts"}, element("caption", {}, caption), head, body)));
}
