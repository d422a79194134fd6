// Figures of one stream, second by second for the last minute, and the sparklines that show them.

const seconds = 60;
const series = ['fps', 'median', 'p99', 'loss', 'repaired', 'mbit'];

export class Figures {
  constructor() {
    for (const name of series) this[name] = [];
    this.pictures = this.bytes = this.repairs = 0;
    this.delays = [];
    this.at = performance.now();
  }

  // picture counts one that is on the screen.
  picture({ delay, bytes, by, repaired }) {
    if (by === 'image') return; // nobody sees each
    this.pictures++;
    if (by === 'datagrams') this.repairs += repaired ? 1 : 0;
    this.byDatagrams = by === 'datagrams';
    this.any = true;
    this.bytes += bytes;
    if (delay !== null && delay >= 0 && delay < 10000) this.delays.push(delay);
  }

  // second ends a second. info is what the server says of the stream, sent whether pictures are sent here.
  second(info, sent) {
    const own = sent && this.any;
    const now = performance.now(), took = (now - this.at) / 1000, before = this.info;
    this.at = now;
    this.delays.sort((a, b) => a - b);
    const at = (part) => this.delays[Math.floor(this.delays.length * part)] ?? null;
    const grown = (field) => {
      const link = info?.link, was = before?.link;
      return link && was ? Math.max(0, link[field] - was[field]) : null; // less than before: the sender began anew
    };
    const expected = grown('expected'), received = grown('received');
    this.push('fps', own ? this.pictures / took : info?.fps ?? null);
    this.push('mbit', own ? this.bytes * 8e-6 / took : before && info ? Math.max(0, info.bytes - before.bytes) * 8e-6 / took : null);
    this.push('median', own ? at(0.5) : info?.delay?.median_ms ?? null);
    this.push('p99', own ? at(0.99) : info?.delay?.p99_ms ?? null);
    this.push('loss', expected === null ? null : expected ? Math.max(0, 100 * (1 - received / expected)) : 0);
    const earlier = expected === null ? null : grown('by_parity') + grown('by_request');
    this.push('repaired', this.byDatagrams && own ? earlier + this.repairs : earlier); // on the way to the server, and from it
    this.info = info;
    this.pictures = this.bytes = this.repairs = 0;
    this.delays = [];
  }

  push(name, value) {
    this[name].push(value);
    if (this[name].length > seconds) this[name].shift();
  }
}

// sum adds up what several streams have in common: the worst delay and loss, the sum of the rest.
export function sum(all) {
  const total = new Figures();
  for (const name of series) {
    const join = ['fps', 'mbit', 'repaired'].includes(name) ? (a, b) => a + b : (a, b) => Math.max(a, b);
    for (let i = 1; i <= seconds; i++) {
      const values = all.map((f) => f[name][f[name].length - i] ?? null).filter((v) => v !== null);
      total[name].unshift(values.length ? values.reduce(join) : null);
    }
  }
  return total;
}

const last = (values) => values[values.length - 1];

// The bar's figures: what they are called, what a value looks like, and up to where their sparkline goes at least.
const kinds = [
  { name: 'fps', title: 'fps', least: 5, text: (f) => decimals(last(f.fps), 0, 10) },
  {
    name: 'median', title: 'delay', least: 5, over: 'p99', unit: 'ms',
    text: (f) => decimals(last(f.median), 0, 10), more: (f) => (last(f.p99) ?? null) === null ? '' : `(worst ${decimals(last(f.p99), 0, 10)})`,
    help: 'from capture to screen, in the last second: half of the pictures took less; hardly any took longer than the worst',
  },
  { name: 'loss', title: 'loss', least: 2, unit: '%', text: (f) => decimals(last(f.loss), 0, 10), help: 'datagrams that the network lost' },
  { name: 'repaired', title: 'repaired', least: 2, text: (f) => decimals(last(f.repaired), 0, 0), help: 'frames that are whole thanks to parity or requests, in the last second' },
  { name: 'mbit', title: 'Mbit/s', least: 1, text: (f) => decimals(last(f.mbit), 0, 100) },
];

// decimals writes a number, with a decimal place if it is below a bound.
function decimals(value, places, below) {
  if (value === null || value === undefined) return '–';
  return value.toFixed(value < below && value > 0 ? 1 : places);
}

// A Board shows figures in a <dl>.
export class Board {
  constructor(list) {
    this.cells = kinds.map((kind) => {
      const cell = document.createElement('div');
      cell.className = kind.name;
      cell.innerHTML = '<dt></dt><dd><span class="value"></span><span class="unit"></span><span class="more"></span></dd>' +
        '<svg viewBox="0 0 59 20" preserveAspectRatio="none" aria-hidden="true"><path class="over"/><path/></svg>';
      cell.querySelector('dt').textContent = kind.title;
      cell.querySelector('.unit').textContent = kind.unit ?? '';
      if (kind.help) cell.title = kind.help;
      list.append(cell);
      return cell;
    });
  }

  show(figures) {
    kinds.forEach((kind, i) => {
      const cell = this.cells[i], values = figures[kind.name];
      cell.hidden = !values.some((v) => v !== null);
      cell.querySelector('.value').textContent = kind.text(figures);
      cell.querySelector('.unit').hidden = (last(values) ?? null) === null;
      cell.querySelector('.more').textContent = kind.more ? kind.more(figures) : '';
      const over = kind.over ? figures[kind.over] : [];
      const top = Math.max(kind.least, ...values, ...over) * 1.1;
      const [above, line] = cell.querySelectorAll('path');
      above.setAttribute('d', path(over, top));
      line.setAttribute('d', path(values, top));
    });
  }
}

// path draws the values from edge to edge, the last one at the right. Where there is none the line is broken.
function path(values, top) {
  let d = '', pen = 'M';
  const from = Math.max(0, values.findIndex((value) => value !== null)), some = values.slice(from);
  if (some.length === 1) some.push(some[0]);
  some.forEach((value, i) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    d += `${pen}${((seconds - 1) * i / (some.length - 1)).toFixed(2)} ${(19.5 - 19 * value / top).toFixed(1)}`;
    pen = 'L';
  });
  return d;
}

// from says by which site and hub pictures come.
export function from(origin) { return origin?.site ? `from ${origin.site} by ${origin.hub}` : ''; }

// measured says how exact the delay is.
export function measured(origin) {
  if (origin?.untimed) return 'how old pictures are is not known: let the camera and recv talk to each other (--feedback)';
  return origin?.rtt_ms ? `round trip ${origin.rtt_ms.toFixed(1)} ms; the delay may be wrong by ${origin.uncertainty_ms.toFixed(1)} ms` : '';
}
