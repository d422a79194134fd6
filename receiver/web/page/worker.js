// A stream's worker: it runs a Feed, off the page's own thread.

import { Feed } from './feed.js';

let feed;

onmessage = ({ data }) => {
  if (data.canvas) feed = new Feed(data.canvas, data.maxPixels, (said) => postMessage(said), data.by);
  feed.obey(data);
};
