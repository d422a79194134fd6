// The page's script: once a second it tells how the stream does, and connects the picture again if it has broken.
'use strict';

const root = document.documentElement.dataset.root; // the way to the front stream's page
const path = document.documentElement.dataset.path; // of this page's stream from there, '' for the front stream
const key = Math.random().toString(36).slice(2); // by which the server knows this page's viewer
const $ = (id) => document.getElementById(id);

// A browser does not tell when a stream of pictures has ended: the last one stays. So the server is asked.
let missed = 0; // how often in a row it did not know of this page's viewer
function connect() {
  missed = 0;
  $('picture').src = `stream?key=${key}&at=${Date.now()}`;
}

async function look() {
  if (document.hidden) return;
  let streams;
  try {
    const answer = await fetch(`${root}streams?key=${key}`, { signal: AbortSignal.timeout(3000) });
    streams = await answer.json();
  } catch {
    show('quiet', 'no connection', 'no connection to the server');
    return;
  }
  showOthers(streams);
  const stream = streams.find((s) => (path ? s.path === path : s.front));
  if (!stream) {
    show('waiting', 'waiting', (await trouble()) || 'waiting for the first picture');
    return;
  }
  if (!stream.yours && ++missed > 1) connect();
  if (stream.yours) missed = 0;
  $('name').textContent = stream.name;
  if (stream.status === 'live') {
    const rate = stream.fps && `${stream.fps.toFixed(stream.fps < 10 ? 1 : 0)} fps`;
    show('live', 'live', '', [stream.width && `${stream.width} × ${stream.height}`, rate].filter(Boolean).join(' · '));
  } else if (stream.status === 'quiet') {
    show('quiet', 'quiet', `no picture for ${ago(stream.age)}\n${await trouble()}`);
  } else {
    show('waiting', 'waiting', (await trouble()) || 'waiting for the camera');
  }
}

// What is wrong with the source, if the server knows.
async function trouble() {
  try {
    const answer = await fetch(`${root}healthz`, { signal: AbortSignal.timeout(3000) });
    return (await answer.json()).error || '';
  } catch {
    return '';
  }
}

function show(kind, status, notice, facts = '') {
  document.body.className = kind;
  $('status').textContent = status;
  $('facts').textContent = facts;
  if ($('notice').textContent !== notice) $('notice').textContent = notice; // read aloud when it changes
}

function showOthers(streams) {
  $('others').hidden = streams.length < 2;
  $('others').replaceChildren(...streams.map((s) => {
    const link = document.createElement('a');
    link.href = root + s.path;
    link.textContent = s.name || 'unnamed';
    link.className = s.status;
    if (path ? s.path === path : s.front) link.setAttribute('aria-current', 'page');
    return link;
  }));
}

function ago(seconds) {
  if (seconds < 100) return Math.floor(seconds) + ' s';
  if (seconds < 6000) return Math.floor(seconds / 60) + ' min';
  return Math.floor(seconds / 3600) + ' h';
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.querySelector('main').requestFullscreen();
}

if (document.fullscreenEnabled) {
  $('full').hidden = false;
  $('full').addEventListener('click', fullScreen);
  $('picture').addEventListener('dblclick', fullScreen);
  document.addEventListener('keydown', (e) => {
    if (e.key === 'f' && !e.ctrlKey && !e.metaKey && !e.altKey) fullScreen();
  });
}
connect();
look();
setInterval(look, 1000);
document.addEventListener('visibilitychange', look);
