// A stream's worker: it runs a Feed, off the page's own thread.

import { Feed } from './feed.js';

let feed;

onmessage = ({ data }) => {
  if (data.canvas) feed = new Feed(data.canvas, data.maxPixels, (said) => postMessage(said));
  if ('rate' in data) feed.limit(data.rate);
  if (data.connect) feed.connect(data.connect);
  if (data.poll) feed.poll(data.poll);
  if (data.disconnect) feed.disconnect();
  if (data.snapshot) postMessage({ jpeg: feed.shown });
};
