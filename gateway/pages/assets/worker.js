// @ts-check
/**
 * Keeps the empty pages of forms for when the line is cut. Answers of any other kind are never kept.
 *
 * page of a form ─► the net; where that fails, the empty page kept before
 * asset          ─► what was kept of it (its address names its content), else the net
 */

/** @typedef {{waitUntil(work: Promise<unknown>): void}} Life */
/** @typedef {{request: Request, respondWith(answer: Promise<Response>): void}} Fetched */

const PAGES = "siak-pages-1";

/** @type {any} */
const worker = self;

worker.addEventListener("install", (/** @type {Life} */ event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (/** @type {Life} */ event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (/** @type {Fetched} */ event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== worker.location.origin) {
    return;
  }
  if (address.pathname.startsWith("/assets/")) {
    event.respondWith(asset(request));
  } else if (request.mode === "navigate") {
    event.respondWith(page(request));
  }
});

/** @param {Request} request */
async function asset(request) {
  return (await caches.match(request, { ignoreVary: true })) ?? fetch(request);
}

/** @param {Request} request */
async function page(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(PAGES)).match(request, { ignoreVary: true });
    if (kept) {
      return kept;
    }
    throw error;
  }
}
