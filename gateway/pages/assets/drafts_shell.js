// @ts-check
/** The empty page of a form and what it loads, kept for when the line is cut, for the account that is signed in. */

const PAGES = "siak-pages-1";
const OWNER = "/.owner";

/** Whether this browser, on this connection, can keep drafts at all. */
export function isSupported() {
  return isSecureContext && "serviceWorker" in navigator && "indexedDB" in window && Boolean(crypto.subtle);
}

/**
 * Keep this page; what another account left is thrown away first.
 * @param {string} account
 */
export async function keepPage(account) {
  await navigator.serviceWorker.register("/worker.js");
  await navigator.serviceWorker.ready;
  const owner = await (await caches.open(PAGES)).match(OWNER);
  if (owner && (await owner.text()) !== account) {
    await forgetPages();
  }
  const kept = await caches.open(PAGES);
  await kept.put(OWNER, new Response(account));
  const empty = await emptyPage();
  if (!empty) {
    return;
  }
  await kept.put(location.pathname, empty);
  const loaded = performance.getEntriesByType("resource").map((entry) => new URL(entry.name));
  const assets = loaded.filter((one) => one.origin === location.origin && one.pathname.startsWith("/assets/"));
  await kept.addAll([...new Set(assets.map((one) => one.pathname))]);
}

/** This page as it is when nothing was typed; null where the line is cut, or it cannot be had again. */
async function emptyPage() {
  try {
    const answer = await fetch(location.pathname, { headers: { accept: "text/html" }, credentials: "same-origin" });
    return answer.ok && !answer.redirected ? answer : null;
  } catch {
    return null;
  }
}

/** Throw away every page that was kept: at sign-out. */
export async function forgetPages() {
  await caches.delete(PAGES);
}
