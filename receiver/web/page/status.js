// What the page may say of a picture. All functions are pure: times are arguments, in milliseconds. What is shown as live is
// at most a second and two frame intervals old by the server's clock, and the connection has spoken within two seconds.

export const silence = 2000; // how long a connection may say nothing, in ms
export const patience = (interval) => 1000 + 2 * interval; // how old a live picture may be, in ms

// A Clock knows the server's time. Each answer of the server says when it was asked (sent), when it came (got), and what the
// server's clock was in between (time). So the offset of the clocks is known to half a round trip, as in NTP. The answer of
// the shortest round trip is the best. An answer that contradicts it means that a clock was set, or that the machine slept.
export class Clock {
  constructor() { this.samples = []; }

  sample(sent, got, time) {
    const sample = { offset: time - (sent + got) / 2, error: Math.max(0, got - sent) / 2 };
    const agrees = (s) => Math.abs(s.offset - sample.offset) <= s.error + sample.error + 20; // clocks drift
    this.samples = [...this.samples.filter(agrees), sample].slice(-8);
  }

  get offset() {
    return this.samples.length ? this.samples.reduce((best, s) => (s.error < best.error ? s : best)).offset : null;
  }

  // age returns how long ago something happened at the server, null if that is not known.
  age(time, now) { return this.samples.length ? now + this.offset - time : null; }
}

// judge says how one camera does, by what is known of it:
//   shown     age of the picture on the screen, null if there is none
//   timed     whether that age is known
//   newest    age of the newest picture at the server, null if there is none or it is not known
//   interval  between pictures, 0 if it is not known
//   silent    for how long the connection has said nothing, Infinity if it has not spoken since it was begun
//   begun     how long ago the connection was begun
//   answers   whether the server answers other requests
//   untold    whether nobody knows how old the picture is that is shown
//   paused, full, known, trouble: whether the viewer has paused it, the server has no place, the camera exists; what is wrong
// The state is one of live, quiet (no new pictures), behind (this page has not got them), lost (no connection), connecting,
// waiting (there is no picture to show), paused and untold.
export function judge({ shown, timed, newest, interval, silent, begun, answers, paused, full, known, trouble, untold }) {
  const dated = timed && shown !== null, old = dated ? `\nthe picture is ${time(shown)} old` : '';
  const as = (state, status, notice = '') => ({ state, status, notice });
  if (!known) return as('waiting', 'waiting', 'there is no such camera');
  if (paused) return as('paused', 'paused');
  if (untold) return as('untold', 'not known');
  if (silent > silence) {
    const state = shown === null ? 'waiting' : 'lost';
    if (full && silent === Infinity && answers) return as(state, 'no place', 'the server has as many viewers as it takes');
    if (silent === Infinity && begun < silence) return as(shown === null ? 'waiting' : 'connecting', 'connecting');
    if (answers) return as(state, 'connecting', `connecting again${old}`);
    return as(state, 'no connection', `no connection to the server${old}`);
  }
  if (shown === null) {
    return as('waiting', 'waiting', trouble || (newest === null ? 'waiting for the first picture' : 'waiting for a picture'));
  }
  if (!timed) return as('connecting', 'connecting');
  if (shown <= patience(interval)) return as('live', 'live');
  if (newest !== null && newest <= patience(interval)) {
    return as('behind', 'behind', `this page is ${time(shown)} behind`);
  }
  return as('quiet', 'no picture', `no picture for ${time(newest === null ? shown : Math.min(newest, shown))}${trouble ? `\n${trouble}` : ''}`);
}

// time writes how long something takes. It is never "0 s".
export function time(ms) {
  const seconds = Math.max(1, Math.floor(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min`;
  return seconds < 360000 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} days`;
}

// A Sleep notices that the machine has slept or a script was frozen: then one of its clocks has gone on without the other, or
// both without the page.
export class Sleep {
  // was says whether it has slept since it was last asked. steady is a clock that only goes on, wall one that may be set.
  was(steady, wall) {
    const before = this.before;
    this.before = { steady, wall };
    return !!before && (Math.abs((wall - before.wall) - (steady - before.steady)) > 1000 || steady - before.steady > 5000);
  }
}

const origin = performance.timeOrigin || Date.now() - performance.now(); // Safari 14 has no timeOrigin

// now is the present, in milliseconds since the Unix epoch. Page and worker have it in common. It is never set.
export const now = () => origin + performance.now();

// within returns a signal that ends a request after a time. Older browsers have no AbortSignal.timeout.
export function within(ms) {
  const control = new AbortController();
  setTimeout(() => control.abort(), ms);
  return control.signal;
}
