#!/usr/bin/env node
// Receives streams and writes their pictures, one JPEG behind the other.
import { createDecipheriv, webcrypto } from "node:crypto";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { parseArgs } from "node:util";
import { Assembler, Subscriber } from "./src/index.js";

globalThis.crypto ??= /** @type {Crypto} */ (webcrypto); // Node 18 has it under this name only
const usage = `usage: udpcam-recv [--key KEY] [--out -|FILE] [--count N] [--one-way] [ADDR]:PORT
       udpcam-recv [--key KEY] [--out -|FILE] [--count N] [--name NAME] --from HOST:PORT
  KEY is a key, or a file of keys, as udpcam key prints them; repeatable
  --from subscribes at a sender; --one-way sends nothing back`;
const BUFFER = 8 << 20; // bytes that the socket is to hold, and that may wait for a slow reader of the output
const now = () => performance.timeOrigin + performance.now();

/** @param {string} why @returns {never} */
function fail(why) {
  console.error(`udpcam-recv: ${why}`);
  process.exit(2);
}

/** @param {string} text */
function addressOf(text) {
  const [, ipv6, host, port] = /^(?:\[(.*)\]|([^:]*)):?(?<!^)(\d+)$|^$/.exec(text.includes(":") ? text : ":" + text) ?? [];
  if (!(Number(port) > 0 && Number(port) < 65536)) fail(`${text}: give an address and a port, such as :12345\n${usage}`);
  return { host: ipv6 ?? host, port: Number(port) };
}

/** OpenSSL opens segments several times as fast as code in JavaScript does. @param {"aes-256-gcm" | "chacha20-poly1305"} name */
const openssl = (name) => (/** @type {Uint8Array} */ key) =>
  (/** @type {Uint8Array} */ nonce, /** @type {Uint8Array} */ header, /** @type {Uint8Array} */ sealed) => {
    const d = createDecipheriv(/** @type {"aes-256-gcm"} */ (name), key, nonce, { authTagLength: 16 });
    d.setAAD(header);
    d.setAuthTag(sealed.subarray(-16));
    const plain = d.update(sealed.subarray(0, -16));
    d.final();
    return plain;
  };

const { values: flags, positionals } = (() => {
  try {
    return parseArgs({ allowPositionals: true, options: {
      key: { type: "string", multiple: true }, out: { type: "string", default: "-" }, count: { type: "string" },
      from: { type: "string" }, name: { type: "string" }, "one-way": { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  } catch (err) {
    fail(`${/** @type {Error} */ (err).message}\n${usage}`);
  }
})();
if (flags.help) {
  console.log(usage);
  process.exit();
}
if ((positionals.length === 1) === (flags.from !== undefined) || positionals.length > 1) fail(`give a port to listen on, or --from\n${usage}`);
const count = Number(flags.count ?? Infinity);
if (!(count > 0)) fail(`--count ${flags.count}: give a number of frames`);

const seal = flags.key && (await import("./src/seal.js"));
const keys = (flags.key ?? []).flatMap((text) => {
  const lines = existsSync(text) ? readFileSync(text, "utf8").split("\n").map((l) => l.trim()) : [text];
  try {
    return lines.filter((l) => l && !l.startsWith("#")).map((l) => new (/** @type {NonNullable<typeof seal>} */ (seal).Key)(l));
  } catch (err) {
    fail(`--key: ${/** @type {Error} */ (err).message}`);
  }
});
if (flags.key && !keys.length) fail("--key: there is no key in that file; udpcam key makes one");

/** @type {import("node:stream").Writable} */
const out = flags.out === "-" ? process.stdout : createWriteStream(flags.out ?? "");
let frames = 0, unwritten = 0, ending = false;
out.on("error", (err) => {
  if (/** @type {NodeJS.ErrnoException} */ (err).code !== "EPIPE") fail(`${flags.out}: ${err.message}`);
  end();
});

const assembler = new Assembler({
  onFrame({ jpeg }) {
    if (ending) return;
    if (out.writableLength > BUFFER) return void unwritten++;
    out.write(jpeg);
    if (++frames >= count) end();
  },
  onSend: flags["one-way"] ? undefined : send,
  keyring: seal && new seal.Keyring(keys, { 1: openssl("chacha20-poly1305"), 2: openssl("aes-256-gcm") }),
  onIgnored(why, from) {
    const what = { "no-key": "is sealed with a key that is not given: use --key", open: "is not sealed, and is ignored: give its sender the key too",
      unproven: "does not answer, so it may be a recording: if its sender is one-way, use --one-way" };
    console.error(`udpcam-recv: a stream from ${from} ${what[why]}`);
  },
});

const target = flags.from === undefined ? null : addressOf(flags.from);
const sender = target && (await lookup(target.host || "localhost").catch((err) => fail(`--from ${flags.from}: ${err.message}`)));
const { host, port } = target ? { host: "", port: 0 } : addressOf(positionals[0]);
const subscribers = !sender ? [] : (keys.length ? keys : [undefined]).map((key) => new Subscriber({ name: flags.name, key }));
const only = target && sender && textOf(sender.address, target.port);

/** @param {string} address @param {number} port */
function textOf(address, port) {
  const ip = address.startsWith("::ffff:") ? address.slice(7) : address;
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** @param {"udp4" | "udp6"} type */
const open = (type) => createSocket({ type, lookup: (/** @type {string} */ name, /** @type {unknown} */ _, /** @type {Function} */ done) => done(null, name, type === "udp4" ? 4 : 6) });
let family = /** @type {"udp4" | "udp6"} */ ((sender ? sender.family === 4 : isIPv4(host)) ? "udp4" : "udp6"), socket = open(family);

/** @param {Uint8Array} b @param {string} to */
function send(b, to) {
  const { host, port } = addressOf(to);
  socket.send(b, port, family === "udp6" && isIPv4(host) ? "::ffff:" + host : host, () => {}); // what does not leave is lost
}

/** @type {NodeJS.Timeout | undefined} */
let timer, timerAt = Infinity;

function attend() {
  timerAt = Infinity;
  const at = now();
  if (at >= assembler.deadline) assembler.expire(at);
  for (const s of subscribers) {
    s.hear(assembler.heard(only ?? "", s.name, s.key?.id));
    for (let b; (b = s.next(at)); ) send(b, only ?? "");
  }
  plan();
}

function plan() {
  const at = now(), due = Math.max(at, Math.min(assembler.deadline, ...subscribers.map((s) => s.deadline(at))));
  if (due >= timerAt || ending) return;
  clearTimeout(timer);
  [timerAt, timer] = [due, setTimeout(attend, Math.min(due - at, 60_000))];
}

/** @param {Buffer} b @param {import("node:dgram").RemoteInfo} info */
function receive(b, info) {
  const from = textOf(info.address, info.port), at = now();
  if (only && from !== only) return;
  if (!subscribers.some((s) => s.read(b, at))) assembler.add(b, from, at);
  plan();
}

/** Listens. Without IPv6 on this machine, by IPv4. */
function listen() {
  socket.on("message", receive).on("error", (err) => {
    if (/** @type {NodeJS.ErrnoException} */ (err).code !== "EAFNOSUPPORT" || family === "udp4" || host) fail(err.message);
    [family, socket] = ["udp4", open("udp4")];
    listen();
  });
  socket.bind(port, host || undefined, () => {
    socket.setRecvBufferSize(BUFFER);
    if (socket.getRecvBufferSize() < BUFFER) console.error(`udpcam-recv: the system holds only ${socket.getRecvBufferSize() >> 11} KiB for the socket, so bursts may be lost: sysctl -w net.core.rmem_max=${BUFFER}`);
    attend();
  });
}

function end() {
  if (ending) return;
  ending = true;
  clearTimeout(timer);
  const s = assembler.stats, lost = s.expected ? (100 * (1 - s.received / s.expected)).toFixed(1) : "0.0";
  for (const b of subscribers.flatMap((s) => s.farewell())) send(b, only ?? "");
  console.error(`${frames} frames, ${s.frameBytes} bytes, ${s.byParity} by parity, ${s.byRequest} by request, ${lost} % of datagrams lost; ` +
    `dropped: ${JSON.stringify({ ...s.dropped, ...(unwritten && { unwritten }) })}; left out: ${JSON.stringify(s.leftOut)}`);
  if (flags.out === "-") process.stdout.write("", () => process.exit(0));
  else out.end(() => process.exit(0));
}

process.on("SIGINT", end).on("SIGTERM", end);
listen();
