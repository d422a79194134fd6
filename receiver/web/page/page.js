// The page's script: which cameras there are, which of them are looked at, and how they do.

import { Player } from './player.js';
import { Board, Figures, from, measured, sum } from './figures.js';
import { Hints } from './hints.js';

const $ = (id) => document.getElementById(id);
// The way to the page of all; this page's stream, '' if it is that; how many pixels a picture may have.
const { root, path: own, maxPixels, hints: hasHints } = document.documentElement.dataset;
const home = new URL(root || './', location.href);
// A token in the address has logged in, with a cookie. It must not stay in the address bar and in the history.
if (new URLSearchParams(location.search).has('token')) history.replaceState(null, '', location.pathname);

const view = $('view');
const board = new Board($('figures'));
const tiles = new Map(); // by the stream's path, '' for the front stream
let streams = []; // as the server tells
let offline = 0; // since when it does not
let trouble = ''; // what is wrong with a source, if the server knows
let paused = false;
const say = (text) => { $('said').textContent = text; };
const hints = hasHints === undefined ? null : new Hints(view, new URL('api/v1/hints', home), say);
let chosen = choice(); // what to show: a stream's path, 'grid', or null for what is best

// ---- What is shown

function choice() { return location.hash.slice(1) || own || null; }

// The page of all shows the front stream where there is only one, and otherwise a grid.
function isGrid() { return chosen === 'grid' || (chosen === null && streams.length > 1); }

function choose(what) {
  location.hash = what;
}

// arrange makes a tile for each stream that is to be seen, and removes the others.
function arrange() {
  const grid = isGrid();
  const wanted = grid ? streams.map((s) => s.path) : [chosen ?? ''];
  if (grid && !wanted.length) wanted.push('');
  for (const [path, tile] of tiles) {
    if (wanted.includes(path)) continue;
    tile.close();
    tiles.delete(path);
  }
  for (const path of wanted) {
    if (!tiles.has(path)) tiles.set(path, new Tile(path));
    view.append(tiles.get(path).element); // in their order
  }
  view.classList.toggle('grid', grid);
  document.body.classList.toggle('grid', grid);
  fit();
  for (const tile of tiles.values()) tile.attend();
}

// fit chooses how many columns make the tiles largest.
function fit() {
  const n = tiles.size, { clientWidth: width, clientHeight: height } = view, shape = 4 / 3;
  let best = 1, most = 0;
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const size = Math.min(width / columns, height / rows * shape);
    if (size > most) [best, most] = [columns, size];
  }
  if (most < 200 && n > 1) best = Math.max(1, Math.floor(width / 200)); // then it scrolls
  view.style.setProperty('--columns', best);
}

const seen = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    const tile = [...tiles.values()].find((t) => t.element === target);
    if (!tile) continue;
    tile.visible = isIntersecting;
    tile.attend();
  }
});

// ---- One camera

class Tile {
  constructor(path) {
    this.path = path;
    this.figures = new Figures();
    this.visible = false; // until it is observed to be
    this.last = 0; // when the last picture was drawn
    this.element = document.createElement('section');
    this.element.className = 'tile waiting';
    this.notice = Object.assign(document.createElement('p'), { className: 'notice' });
    this.caption = Object.assign(document.createElement('button'), { className: 'caption' });
    this.player = new Player('Live picture', Number(maxPixels), {
      picture: (p) => this.picture(p),
      reachable: () => look(),
    });
    this.element.append(this.player.element, this.caption, this.notice);
    this.element.addEventListener('click', () => isGrid() && streams.length && choose(this.info?.path ?? path));
    this.element.addEventListener('dblclick', () => isGrid() || fullScreen());
    seen.observe(this.element);
  }

  get info() { return streams.find((s) => (this.path ? s.path === this.path : s.front)); }

  // known says whether the server has told of this stream. Otherwise its path may be anything: it comes from a link.
  get known() { return !this.path || this.path === own || !!this.info; }

  get name() { return this.info?.name || (this.info ? 'unnamed' : ''); }

  picture(p) {
    this.last = performance.now();
    if (p.width) [this.width, this.height] = [p.width, p.height];
    this.figures.picture(p);
    if (this.state !== 'live') judge();
  }

  // attend has the tile's pictures sent, if it is looked at, and not more than are worth it.
  attend() {
    const wide = this.element.clientWidth * devicePixelRatio;
    this.player.limit(!isGrid() || wide > 800 ? 0 : wide > 400 ? 15 : 10);
    if (this.known && this.visible && !document.hidden && !paused) this.player.start(new URL(this.path, home).href);
    else this.player.stop();
  }

  // quiet returns for how many seconds there has been no picture, if that is too long for this stream.
  quiet() {
    const now = performance.now(), info = this.info;
    if (now - this.player.connected < 1500) return 0;
    // Of an <img> only the server knows, and what it says grows older with each moment since it did.
    const silent = this.player.kind === 'socket' ? now - this.last : info ? 1000 * info.age + now - asked : now - offline;
    return silent > Math.max(1500, 3000 * (info?.interval ?? 0)) ? silent / 1000 : 0;
  }

  judge() {
    const info = this.info, silent = this.quiet(), why = info?.origin?.trouble || trouble;
    let state = 'live', notice = '', status = 'live';
    if (paused) {
      [state, status] = ['paused', 'paused'];
    } else if (!this.last) {
      [state, status] = ['waiting', 'waiting'];
      notice = why || (info ? 'waiting for a picture' : 'waiting for the first picture');
      if (offline) notice = 'no connection to the server';
    } else if (info?.status === 'idle' || (silent && why)) {
      [state, status] = ['quiet', 'quiet'];
      notice = `${ago(silent)}\n${why}`;
    } else if (silent) {
      [state, status] = ['quiet', offline ? 'no connection' : 'no picture'];
      notice = (offline ? 'no connection to the server\n' : '') + ago(silent);
    }
    if (full && !this.last) notice = 'the server has as many viewers as it takes';
    if (!this.known && asked) notice = 'there is no such camera';
    this.element.className = `tile ${state}`;
    if (this.notice.textContent !== notice) this.notice.textContent = notice;
    if (state !== this.state && this.state && (state === 'quiet' || this.state === 'quiet')) {
      say(`${this.name}: ${state === 'quiet' ? 'no picture any more' : 'live again'}`);
    }
    this.state = state;
    this.status = status;
    this.caption.textContent = [this.name, info?.origin?.site, info?.link?.sealed && 'sealed'].filter(Boolean).join(' · ');
    this.caption.setAttribute('aria-label', `Enlarge ${this.name}`);
    this.player.label = `Live picture of ${this.name || 'the camera'}`;
  }

  close() {
    seen.unobserve(this.element);
    this.player.close();
    this.element.remove();
  }
}

function ago(seconds) {
  const time = seconds < 100 ? `${Math.floor(seconds)} s` : seconds < 6000 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
  return `no picture for ${time}`;
}

// ---- What the server says

let asked = 0, full = false;

// look asks the server, and returns whether it answers.
async function look() {
  const images = [...tiles.values()].filter((t) => t.player.kind === 'image');
  const url = new URL('api/v1/streams', home);
  for (const tile of images) url.searchParams.append('key', tile.player.key);
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3000), cache: 'no-store' });
    if (!answer.ok) throw new Error(answer.statusText);
    const told = await answer.json();
    streams = told.streams;
    trouble = told.error ?? '';
    full = told.viewers >= told.max_viewers;
    asked = performance.now();
    offline = 0;
    return true;
  } catch {
    offline ||= performance.now();
    return false;
  }
}

async function second() {
  if (document.hidden) return;
  const answered = await look();
  arrange();
  for (const tile of tiles.values()) {
    if (answered) tile.player.check(tile.info?.yours);
    tile.figures.second(tile.info, tile.player.kind === 'socket');
  }
  judge();
  const all = [...tiles.values()];
  board.show(all.length === 1 ? all[0].figures : sum(all.map((t) => t.figures)));
}

function judge() {
  for (const tile of tiles.values()) tile.judge();
  const all = [...tiles.values()], grid = isGrid();
  const worst = all.find((t) => t.state === 'quiet') ?? all.find((t) => t.state === 'waiting') ?? all[0];
  document.body.dataset.state = worst?.state ?? 'waiting';
  $('name').textContent = grid ? `${streams.length} cameras` : worst?.name ?? '';
  $('status').textContent = grid && worst?.state === 'quiet' ? `${all.filter((t) => t.state === 'quiet').length} without picture` : worst?.status ?? '';
  const info = grid ? null : worst?.info, width = worst?.width || info?.width, height = worst?.height || info?.height;
  $('facts').textContent = [!grid && width && `${width} × ${height}`, from(info?.origin)].filter(Boolean).join(' · ');
  $('facts').title = measured(info?.origin);
  $('sealed').hidden = !info?.link?.sealed;
  $('sealed').title = `encrypted and authenticated on its way here, with key ${info?.link?.key}`;
  document.title = `${$('name').textContent ? `${$('name').textContent} · ` : ''}udpcam`;
  $('grid').hidden = !grid && streams.length < 2 && !own;
  $('grid').setAttribute('aria-pressed', grid);
  $('snapshot').hidden = grid;
  hints?.show(asked > 0 && !offline && !streams.length && !all.some((t) => t.state === 'live'));
}

// ---- What people do

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else view.requestFullscreen();
}

function pause() {
  paused = !paused;
  $('pause').setAttribute('aria-pressed', paused);
  $('pause').textContent = paused ? 'go on' : 'pause';
  for (const tile of tiles.values()) tile.attend();
  judge();
}

async function snapshot() {
  const tile = [...tiles.values()][0], picture = isGrid() ? null : await tile?.player.jpeg();
  if (!picture) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(picture);
  link.download = `${(tile.name || 'udpcam').replace(/[^\p{L}\p{N}._-]+/gu, '_')}-${new Date().toISOString().replace(/[:]/g, '')}.jpg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  say('picture saved');
}

function toggleGrid() {
  if (isGrid()) choose(streams.find((s) => s.front)?.path ?? '');
  else choose('grid');
}

function step(by) {
  if (isGrid() || streams.length < 2) return;
  const at = streams.findIndex((s) => (chosen ? s.path === chosen : s.front));
  choose(streams[(at + by + streams.length) % streams.length].path);
}

const keys = {
  f: fullScreen, s: snapshot, ' ': pause, g: toggleGrid,
  ArrowLeft: () => step(-1), ArrowRight: () => step(1),
  Escape: () => streams.length > 1 && !isGrid() && choose('grid'),
};

document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, select, textarea')) return;
  if (e.key === ' ' && e.target.closest('button, a, summary')) return; // which it presses
  const act = keys[e.key];
  if (!act) return;
  e.preventDefault();
  act();
});
$('full').hidden = !document.fullscreenEnabled;
$('full').addEventListener('click', fullScreen);
$('pause').addEventListener('click', pause);
$('snapshot').addEventListener('click', snapshot);
$('grid').addEventListener('click', toggleGrid);
addEventListener('hashchange', () => {
  chosen = choice();
  arrange();
  judge();
});
addEventListener('resize', fit);
document.addEventListener('visibilitychange', () => {
  for (const tile of tiles.values()) tile.attend();
  if (!document.hidden) second();
});

arrange();
second();
setInterval(second, 1000);
setInterval(judge, 250);
