// The page's script: which cameras there are, which of them are looked at, and how they do.

import { address } from './address.js';
import { Board, from, measured, sum } from './figures.js';
import { Hints } from './hints.js';
import { columns } from './layout.js';
import { Link } from './link.js';
import { Sleep, now, within } from './status.js';
import { Tile } from './tile.js';

const $ = (id) => document.getElementById(id);
// This page's stream, '' if it is the page of all; how many pixels a picture may have.
const { path: own, maxPixels, hints: hasHints, datagrams: hasDatagrams } = document.documentElement.dataset;
// By which way pictures are to come, '' for what is best.
const by = ['socket', 'datagrams', 'image'].find((way) => way === new URLSearchParams(location.search).get('by')) ?? '';

const view = $('view');
const board = new Board($('figures'));
const tiles = new Map(); // by the stream's path, '' for the front stream
const say = (text) => { $('said').textContent = text; };
// What the tiles know of the page.
const page = {
  own, say, look, judge, isGrid, choose, fullScreen, fit, maxPixels: Number(maxPixels), by,
  link: hasDatagrams !== undefined && 'RTCPeerConnection' in window ? new Link(address('datagrams')) : null,
  streams: [], // as the server tells, by name
  began: now(), told: 0, // when the page was opened; when the server told last
  trouble: '', full: false, // what is wrong with a source, if the server knows; whether all places are taken
  paused: false,
};
const hints = hasHints === undefined ? null : new Hints(view, address('api/v1/hints'), say);
let chosen = choice(); // what to show: a stream's path, 'grid', or null for what is best

// ---- What is shown

function choice() { return location.hash.slice(1) || own || null; }

// The page of all shows the front stream where there is only one, and otherwise a grid.
function isGrid() { return chosen === 'grid' || (chosen === null && page.streams.length > 1); }

function choose(what) {
  location.hash = what;
}

// arrange makes a tile for each stream that is to be seen, and removes the others.
function arrange() {
  const grid = isGrid();
  const wanted = grid ? page.streams.map((s) => s.path) : [chosen ?? ''];
  if (grid && !wanted.length) wanted.push('');
  for (const [path, tile] of tiles) {
    if (wanted.includes(path)) continue;
    seen.unobserve(tile.element);
    tile.close();
    tiles.delete(path);
  }
  wanted.forEach((path, i) => {
    if (!tiles.has(path)) {
      tiles.set(path, new Tile(path, page));
      seen.observe(tiles.get(path).element);
    }
    const { element } = tiles.get(path);
    if (view.children[i] !== element) view.insertBefore(element, view.children[i] ?? null); // in their order
  });
  view.classList.toggle('grid', grid);
  document.body.classList.toggle('grid', grid);
  fit();
  for (const tile of tiles.values()) tile.attend();
}

// fit chooses how many columns make the tiles largest, and puts the pictures into them.
function fit() {
  const all = [...tiles.values()], shape = all.reduce((total, tile) => total + tile.shape, 0) / all.length;
  const { columns: across, fits } = columns(all.length, view.clientWidth, view.clientHeight, shape);
  view.style.setProperty('--columns', across);
  view.style.setProperty('--row', fits ? '0' : `${view.clientWidth / across / shape}px`);
  for (const tile of all) tile.fit();
}

const seen = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    const tile = [...tiles.values()].find((t) => t.element === target);
    if (!tile) continue;
    tile.visible = isIntersecting;
    tile.attend();
  }
});

// ---- What the server says

const byName = new Intl.Collator(undefined, { numeric: true }); // cam2 comes before cam10

// look asks the server, and returns whether it answers.
async function look() {
  const asked = now();
  try {
    const answer = await fetch(address('api/v1/streams'), { signal: within(3000), cache: 'no-store' });
    if (!answer.ok) throw new Error(answer.statusText);
    const { streams, error, viewers, max_viewers: most } = await answer.json();
    streams.sort((a, b) => byName.compare(a.name, b.name));
    Object.assign(page, { streams, trouble: error ?? '', full: viewers >= most, told: asked }); // the ages are at least as old
    return true;
  } catch {
    return false;
  }
}

async function second() {
  if (document.hidden) return;
  await look();
  arrange();
  const all = [...tiles.values()];
  for (const tile of all) tile.figures.second(tile.info, tile.player.running);
  judge();
  board.show(all.length === 1 ? all[0].figures : sum(all.map((t) => t.figures)));
}

// often judges what is shown. A machine that has slept begins anew: what its connections say may be old.
const sleep = new Sleep();
function often() {
  if (sleep.was(performance.now(), Date.now())) {
    page.told = 0;
    page.began = now();
    page.link?.anew();
    for (const tile of tiles.values()) tile.player.stop();
    for (const tile of tiles.values()) tile.attend();
  }
  judge();
}

const badness = ['lost', 'quiet', 'behind', 'connecting', 'waiting', 'paused', 'untold', 'live']; // the worst first

function judge() {
  for (const tile of tiles.values()) tile.judge();
  const all = [...tiles.values()], grid = isGrid();
  const worst = [...all].sort((a, b) => badness.indexOf(a.state) - badness.indexOf(b.state))[0], state = worst?.state ?? 'waiting';
  document.body.dataset.state = state;
  const out = all.filter((t) => ['quiet', 'behind', 'lost'].includes(t.state));
  const some = grid && out.length && out.length < all.length;
  put('status', some ? `${out.length} without picture` : worst?.status ?? '');
  put('name', grid ? `${page.streams.length} cameras` : worst?.name ?? '');
  const info = grid ? null : worst?.info, width = worst?.width || info?.width, height = worst?.height || info?.height;
  const comes = grid ? null : worst?.player.comes;
  put('facts', [!grid && width && `${width} × ${height}`, from(info?.origin), comes?.by].filter(Boolean).join(' · '));
  $('facts').title = [measured(info?.origin), comes?.more].filter(Boolean).join('\n');
  $('sealed').hidden = !info?.link?.sealed;
  $('sealed').title = `encrypted and authenticated on its way here, with key ${info?.link?.key}`;
  document.title = `${$('name').textContent ? `${$('name').textContent} · ` : ''}udpcam`;
  $('cameras').hidden = !grid && page.streams.length < 2 && !own;
  $('cameras').setAttribute('aria-pressed', grid);
  $('snapshot').hidden = grid;
  hints?.show(now() - page.told < 3000 && !page.streams.length && !all.some((t) => t.state === 'live'));
}

function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

// ---- What people do

function fullScreen() {
  const { fullscreenElement: is, webkitFullscreenElement: was } = document; // Safari before 16.4
  if (is || was) (document.exitFullscreen ?? document.webkitExitFullscreen).call(document);
  else (view.requestFullscreen ?? view.webkitRequestFullscreen).call(view);
}

function pause() {
  page.paused = !page.paused;
  $('pause').setAttribute('aria-pressed', page.paused);
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
  if (isGrid()) choose(page.streams.find((s) => s.front)?.path ?? '');
  else choose('grid');
}

// step goes to the next camera, or over an enlarged picture.
function step(x, y) {
  const { streams } = page, [tile] = tiles.values();
  if (isGrid()) return false;
  if (tile.zoom.view.zoomed) {
    tile.zoom.move(-80 * x, -80 * y);
  } else if (x && streams.length > 1) {
    const at = streams.findIndex((s) => (chosen ? s.path === chosen : s.front));
    choose(streams[(at + x + streams.length) % streams.length].path);
  }
  return true;
}

function zoom(factor) {
  if (isGrid()) return false;
  const [tile] = tiles.values();
  if (factor) tile.zoom.zoom(factor);
  else tile.zoom.reset();
  return true;
}

// What the keys do. A key whose function returns false is the browser's.
const keys = {
  f: fullScreen, s: snapshot, ' ': pause, g: toggleGrid,
  ArrowLeft: () => step(-1, 0), ArrowRight: () => step(1, 0), ArrowUp: () => step(0, -1), ArrowDown: () => step(0, 1),
  '+': () => zoom(1.25), '=': () => zoom(1.25), '-': () => zoom(0.8), 0: () => zoom(0),
  Escape: () => page.streams.length > 1 && !isGrid() && choose('grid'),
};

document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, select, textarea')) return;
  if (e.key === ' ' && e.target.closest('button, a, summary')) return; // which it presses
  const act = keys[e.key];
  if (act && act() !== false) e.preventDefault();
});
$('full').hidden = !document.fullscreenEnabled && !document.webkitFullscreenEnabled;
$('full').addEventListener('click', fullScreen);
$('pause').addEventListener('click', pause);
$('snapshot').addEventListener('click', snapshot);
$('cameras').addEventListener('click', toggleGrid);
addEventListener('hashchange', () => {
  chosen = choice();
  arrange();
  judge();
});
addEventListener('resize', fit);
if ('ResizeObserver' in window) new ResizeObserver(fit).observe(view);
document.addEventListener('visibilitychange', () => {
  page.began = now();
  for (const tile of tiles.values()) tile.attend();
  judge();
  if (!document.hidden) second();
});

document.documentElement.dataset.runs = ''; // old.js looks for it
arrange();
second();
setInterval(second, 1000);
setInterval(often, 100);
