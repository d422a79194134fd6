// The addresses of what the page asks its server for.

// A token in the page's address has logged in, with a cookie. It must not stay in the address bar and in the history. But a
// page in a frame of another site gets no cookies from browsers. There each request carries the token.
const token = new URLSearchParams(location.search).get('token');
const framed = window.parent !== window;
if (token !== null && !framed) history.replaceState(null, '', location.pathname + location.hash);

// home is the address of the page of all.
export const home = new URL(document.documentElement.dataset.root || './', location.href);

// address returns the address of a path, which is relative to base.
export function address(path, base = home) {
  const url = new URL(path, base);
  if (token !== null && framed) url.searchParams.set('token', token);
  return url;
}
