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

/** Reads [ADDR]:PORT, with brackets around an IPv6 address. @param {string} text */
function addressOf(text) {
  const [, ipv6, host = "", port] = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(text) ?? [];
  if (!(Number(port) > 0 && Number(port) < 65536)) fail(`${text}: give an address and a port, such as :12345\n${usage}`);
  return { host: ipv6 ?? host, port: Number(port) };
}

/** Writes an address as addressOf reads it. @param {string} address @param {number} port */
function textOf(address, port) {
  const ip = address.replace(/^::ffff:(?=[\d.]+$)/, "");
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** OpenSSL, which opens segments ten times as fast as JavaScript. @param {"aes-256-gcm" | "chacha20-poly1305"} name */
const openssl = (name) => (/** @type {Uint8Array} */ key) =>
  (/** @type {Uint8Array} */ nonce, /** @type {Uint8Array} */ header, /** @type {Uint8Array} */ sealed) => {
    const d = createDecipheriv(/** @type {"aes-256-gcm"} */ (name), key, nonce, { authTagLength: 16 });
    d.setAAD(header);
    d.setAuthTag(sealed.subarray(-16));
    const plain = d.update(sealed.subarray(0, -16));
    d.final();
    return plain;
  };

function readFlags() {
  try {
    return parseArgs({ allowPositionals: true, options: { key: { type: "string", multiple: true },
      out: { type: "string", default: "-" }, count: { type: "string", default: "Infinity" }, from: { type: "string" },
      name: { type: "string" }, "one-way": { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  } catch (err) {
    return fail(`${/** @type {Error} */ (err).message}\n${usage}`);
  }
}

/** @param {string[]} texts @param {typeof import("./src/seal.js").Key} Key */
function readKeys(texts, Key) {
  try {
    const lines = texts.flatMap((text) => (existsSync(text) ? readFileSync(text, "utf8").split("\n") : [text]));
    return lines.map((l) => l.trim()).filter((l) => l && !l.startsWith("#")).map((l) => new Key(l));
  } catch (err) {
    return fail(`--key: ${/** @type {Error} */ (err).message}, or name a file that has one`);
  }
}

const { values: flags, positionals } = readFlags(), { from, name, out = "-" } = flags, count = Number(flags.count);
if (flags.help) console.log(usage), process.exit();
if (positionals.length !== (from === undefined ? 1 : 0)) fail(`give a port to listen on, or --from\n${usage}`);
if (!(count > 0)) fail(`--count ${flags.count}: give a number of frames`);
const seal = flags.key && (await import("./src/seal.js"));
const keys = seal ? readKeys(flags.key ?? [], seal.Key) : [];
if (seal && !keys.length) fail("--key: there is no key in that file; udpcam key makes one");

const address = addressOf(from ?? positionals[0]);
const sender = from && (await lookup(address.host || "localhost").catch((err) => fail(`--from ${from}: ${err.message}`)));
const target = sender ? textOf(sender.address, address.port) : ""; // the only one that counts, if there is one
const subscribers = sender ? (seal ? keys : [undefined]).map((key) => new Subscriber({ name, key })) : [];
const ipv4 = sender ? sender.family === 4 : isIPv4(address.host);
let socket = open(ipv4), mapped = !ipv4, frames = 0, unwritten = 0, ending = false, told = "", rounds = 0;
/** What has been read since. @type {{b: Uint8Array, from: string, at: number}[]} */
const batch = [];
/** @type {NodeJS.Timeout | undefined} */
let timer;
/** @type {NodeJS.Immediate | undefined} */
let immediate;

/** @type {import("node:stream").Writable} */
const output = out === "-" ? process.stdout : createWriteStream(out);
output.on("error", (/** @type {NodeJS.ErrnoException} */ err) => (err.code === "EPIPE" ? end() : fail(err.message)));

const reasons = {
  "no-key": "is sealed with a key that is not given: use --key",
  open: "is not sealed, and is ignored: give its sender the key too",
  unproven: "does not answer, so it may be a recording: if its sender is one-way, use --one-way",
};
const assembler = new Assembler({
  onFrame({ jpeg }) {
    if (ending) return;
    if (output.writableLength > BUFFER) return void unwritten++;
    output.write(jpeg);
    if (++frames >= count) end();
  },
  onSend: flags["one-way"] ? undefined : send,
  keyring: seal && new seal.Keyring(keys, { 1: openssl("chacha20-poly1305"), 2: openssl("aes-256-gcm") }),
  onIgnored: (why, from) => console.error(`udpcam-recv: a stream from ${from} ${reasons[why]}`),
});

/** A socket that looks up no names. @param {boolean} ipv4 */
function open(ipv4) {
  const asIs = (/** @type {string} */ ip, /** @type {any} */ _, /** @type {any} */ done) => done(null, ip, ipv4 ? 4 : 6);
  return createSocket({ type: ipv4 ? "udp4" : "udp6", lookup: asIs });
}

/** @param {Uint8Array} b @param {string} to */
function send(b, to) {
  const { host, port } = addressOf(to);
  socket.send(b, port, mapped && isIPv4(host) ? "::ffff:" + host : host, () => {}); // what does not leave is lost
}

/** @type {Record<string, string>} */
const states = { unanswered: "does not answer: does a sender with --listen run there, with the same key?",
  full: "has no place left", "no-stream": `has no stream named ${name}` };

/** Does what is due now, and plans the next time. */
function attend() {
  const at = now();
  if (at >= assembler.deadline) assembler.expire(at);
  for (const s of subscribers) {
    s.hear(assembler.heard(target, s.name, s.key?.id));
    for (let b; (b = s.next(at)); ) send(b, target);
  }
  const found = subscribers.map((s) => s.state(at));
  const state = ["receiving", "subscribed"].find((s) => found.includes(s)) ?? found[0];
  if (state !== told && states[state]) console.error(`udpcam-recv: ${target} ${states[state]}`);
  told = state;
  const due = Math.min(assembler.deadline, ...subscribers.map((s) => s.deadline(at)));
  clearTimeout(timer);
  timer = setTimeout(soon, Math.max(0, Math.min(due - at, 60_000)));
}

/** Attends when the datagrams that wait in the socket have been read. Node reads up to 32, then calls what is immediate. */
function soon() {
  if (immediate || ending) return;
  immediate = setImmediate(() => {
    const read = batch.length, waited = read > 2; // on an idle machine each wakes this process
    immediate = undefined;
    for (const { b, from, at } of batch.splice(0)) {
      if (!subscribers.some((s) => s.read(b, at))) assembler.add(b, from, at, waited);
    }
    if (read >= 32 && rounds++ < 64) return soon();
    rounds = 0;
    attend();
  });
}

function listen() {
  socket.on("message", (b, info) => {
    const from = textOf(info.address, info.port), at = now();
    if (!info.port || (target && from !== target)) return; // to port 0 nothing can be sent
    soon();
    batch.push({ b, from, at });
  });
  socket.on("error", (/** @type {NodeJS.ErrnoException} */ err) => {
    if (err.code !== "EAFNOSUPPORT" || !mapped || address.host) fail(err.message);
    [socket, mapped] = [open(true), false]; // this machine has no IPv6
    listen();
  });
  socket.bind(sender ? 0 : address.port, sender ? undefined : address.host || undefined, () => {
    socket.removeAllListeners("error").on("error", () => {}); // a datagram is lost
    socket.setRecvBufferSize(BUFFER);
    const size = socket.getRecvBufferSize();
    if (size >= BUFFER) return attend();
    console.error(`udpcam-recv: the system holds only ${size >> 11} KiB for this socket, which loses bursts. To let it ` +
      `hold more: sysctl -w net.core.rmem_max=${BUFFER}`);
    attend();
  });
}

function end() {
  if (ending) return;
  ending = true;
  clearTimeout(timer);
  for (const b of subscribers.flatMap((s) => s.farewell())) send(b, target);
  const s = assembler.stats, lost = s.expected ? (100 * (1 - s.received / s.expected)).toFixed(1) : 0;
  const dropped = JSON.stringify({ ...s.dropped, ...(unwritten && { unwritten }) });
  console.error(`${frames} frames, ${s.frameBytes} bytes, ${s.byParity} by parity, ${s.byRequest} by request, ` +
    `${lost} % of datagrams lost; dropped: ${dropped}; left out: ${JSON.stringify(s.leftOut)}`);
  if (out === "-") output.write("", () => process.exit(0));
  else output.end(() => process.exit(0));
}

process.on("SIGINT", end).on("SIGTERM", end);
listen();
