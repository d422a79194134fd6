// The worker of the data channel (see link.js): datagrams in, whole pictures out. All streams of a page come by one channel.
// A seat is a stream that is wanted, and the port to who shows it. What the page orders:
//
//   {channel, turn}   a new channel, in place of the last one
//   {seat, name, port} {leave: seat}
//   {check: true}     if the channel is silent, it is to be given up
//   {end: turn}       a channel's connection has ended
//
// What it tells the page: {opened: turn} {closed: turn}. Times are in milliseconds by now().

import { now } from './status.js';
import { Assembler } from './wire/assembler.js';
import { Subscriber } from './wire/subscriber.js';
import { ANSWER, SUBSCRIBE, cleanName, timeNear } from './wire/wire.js';
import { Quickest } from './way.js';

const server = 'server'; // who sends all datagrams
const tail = 6; // how long a picture's datagrams may be silent before the rest counts as lost: browsers are late themselves
const again = 200; // after how long without datagrams the server is asked again
const beat = 100; // how often it is looked whether it must be asked
const silent = 1500; // after so long without a datagram a channel is given up, if somebody doubts it
const most = 1000; // bytes that may wait to leave: what waits for SCTP is of no use any more
const stale = 1500; // by how much a segment may be older than the others: what an outage has kept is of no use
const outage = 300; // after so long without a datagram it seems that none gets through
const perByte = 2.5; // then so many ms for each byte are between Subscribes: SCTP keeps them for 3 s in a window of 1.2 kB

const seats = new Map();
let channel = null, turn = 0, assembler = null;
let heard = 0, asked = 0; // when a datagram came last, and when a Subscribe last left in an outage
const ages = new Map(); // how long a stream's segments take, by its session
let batch = [], times = []; // datagrams that are not looked at yet, and when they came
let due = 0; // when to look at the subscriptions
let timer = 0, rings = Infinity; // and when it does

// What is posted here comes back behind the datagrams that wait already.
const behind = new MessageChannel();
let posted = false;
behind.port1.onmessage = attend;

function soon() {
  if (posted) return;
  posted = true;
  behind.port2.postMessage(0);
}

onmessage = ({ data }) => {
  if (data.channel) use(data.channel, data.turn);
  if (data.port) seats.set(data.seat, { name: cleanName(data.name), port: data.port, subscriber: subscribe(data.name) });
  if (data.leave) leave(data.leave);
  if (data.end === turn || (data.check && now() - heard > silent)) end();
  due = 0;
  soon();
};

const subscribe = (name) => new Subscriber({ name, again });

function use(next, number) {
  end();
  channel = next;
  turn = number;
  channel.binaryType = 'arraybuffer';
  ages.clear();
  assembler = new Assembler({ onFrame: show, onSend: send, tail, intact: true });
  for (const seat of seats.values()) seat.subscriber = subscribe(seat.name);
  next.onmessage = ({ data }) => {
    if (next !== channel) return;
    const at = now();
    if (at - heard > outage) hurry();
    heard = at;
    batch.push(new Uint8Array(data));
    times.push(heard);
    soon();
  };
  next.onopen = () => {
    if (next !== channel) return;
    heard = now();
    due = 0;
    postMessage({ opened: turn });
    soon();
  };
  next.onclose = () => next === channel && end();
  if (next.readyState === 'open') next.onopen();
}

// end gives up the channel.
function end() {
  if (!channel) return;
  const last = channel;
  channel = assembler = null;
  batch = [];
  times = [];
  last.close();
  postMessage({ closed: turn });
}

function leave(id) {
  const seat = seats.get(id);
  if (!seat) return;
  for (const b of seat.subscriber.farewell()) send(b);
  seat.port.close();
  seats.delete(id);
}

function send(b) {
  if (!channel || channel.readyState !== 'open' || channel.bufferedAmount > most) return;
  const at = now();
  if (at - heard > outage) {
    if ((b[2] & 15) !== SUBSCRIBE || at - asked < perByte * (b.length + 32)) return;
    asked = at;
  }
  channel.send(b);
}

// hurry asks at once: the network is back.
function hurry() {
  for (const { subscriber } of seats.values()) subscriber.hurry();
  due = 0;
}

// isStale says whether a datagram is a segment that has waited for an outage to end. Each stream has a delay of its own.
function isStale(b, at) {
  const type = b[2] & 7;
  if (b.length <= 28 || type === 0 || type > 2) return false;
  const v = new DataView(b.buffer, b.byteOffset), session = v.getUint32(3);
  const age = at - timeNear(v.getUint16(18) * 2 ** 32 + v.getUint32(20), at);
  if (!ages.has(session)) ages.set(session, new Quickest());
  const least = ages.get(session);
  least.add(age, at);
  return age > least.value + stale;
}

// show hands a picture to who wants it.
function show({ stream, id, captured, jpeg, repaired }) {
  const { expected, received, requests } = assembler.stats;
  const picture = { id, captured, jpeg, repaired: repaired !== '', trouble: expected - received + requests };
  const all = [...seats.values()].filter((seat) => seat.name === stream);
  all.forEach(({ port }, i) => port.postMessage(picture, i + 1 < all.length ? [] : [jpeg.buffer]));
}

// attend looks at the datagrams that have come, and does what is due. If many came at once, this worker was late, or a
// faster network than it needs.
function attend() {
  posted = false;
  if (!assembler) return;
  const came = batch, at = times, waited = came.length > 2;
  [batch, times] = [[], []];
  came.forEach((b, i) => {
    if (isStale(b, at[i])) return;
    if ((b[2] & 15) !== ANSWER) assembler.add(b, server, at[i], waited);
    else for (const { subscriber } of seats.values()) if (subscriber.read(b, at[i])) due = 0;
  });
  const present = now();
  if (present >= assembler.deadline) assembler.expire(present);
  if (present >= due) ask(present);
  ring(Math.min(assembler.deadline, due), present);
}

function ask(present) {
  due = present + beat;
  if (!channel || channel.readyState !== 'open') return;
  for (const { subscriber, name } of seats.values()) {
    subscriber.hear(assembler.heard(server, name));
    for (let b = subscriber.next(present); b; b = subscriber.next(present)) send(b);
    due = Math.min(due, subscriber.deadline(present));
  }
}

// ring has attend called at a time. A timer that is early does no harm. What a timer begins goes through soon: browsers hold
// back timers that timers start.
function ring(next, present) {
  if (next >= rings - 0.5 && rings > present) return;
  clearTimeout(timer);
  rings = next;
  timer = setTimeout(() => {
    rings = Infinity;
    soon();
  }, Math.max(0, Math.ceil(next - present)));
}
