// @ts-check
/**
 * Delivers one draft: its files first, then its fields, under the id it was given when it was begun.
 *
 * The same id goes with every attempt (`Idempotency-Key`), so a draft whose answer was lost on the way counts once.
 *
 * 2xx ─► delivered     422, 409, 413, 415 ─► refused, to be corrected     401, 403 ─► sign in again
 * anything else, and no answer at all ─► later
 */

/** @typedef {{field: string, message: string, message_id: string}} Fault */
/** @typedef {{name: string, kind: string, sha256: string, size: number, address: string}} Attached */
/**
 * @typedef {{
 *   kind: string, action: string, page: string, title: string, fields: [string, string][], files: Attached[],
 *   receipt: string, errors: Fault[],
 * }} Draft
 */
/**
 * @typedef {{state: "delivered", receipt: string} | {state: "refused", errors: Fault[]} | {state: "sign_in"}
 *   | {state: "later", after: number}} Outcome
 */

const REFUSED = new Set([400, 404, 409, 413, 415, 422, 428]);
const SIGN_IN = new Set([401, 403]);
const LONGEST = 60_000;

/** The token of the page that is open now, whoever it was typed by: a kept page's is out of date. */
function token() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}

/**
 * @param {string} address
 * @param {RequestInit} init
 * @returns {Promise<Response | null>} null where there was no answer
 */
async function ask(address, init) {
  const headers = { accept: "application/json", "x-csrf-token": token(), ...init.headers };
  try {
    return await fetch(address, {
      ...init, headers, credentials: "same-origin", redirect: "manual", signal: AbortSignal.timeout(LONGEST),
    });
  } catch {
    return null;
  }
}

/**
 * What an answer means for the draft; null where it went well.
 * @param {Response | null} answer
 * @returns {Promise<Outcome | null>}
 */
async function trouble(answer) {
  if (answer?.ok) {
    return null;
  }
  if (answer && (SIGN_IN.has(answer.status) || answer.type === "opaqueredirect")) {
    return { state: "sign_in" };
  }
  if (answer && REFUSED.has(answer.status)) {
    const told = await answer.json().catch(() => ({}));
    return { state: "refused", errors: faultsOf(told) };
  }
  return { state: "later", after: Number(answer?.headers.get("retry-after") ?? 0) };
}

/**
 * @param {any} told
 * @returns {Fault[]}
 */
function faultsOf(told) {
  if (Array.isArray(told.errors) && told.errors.length) {
    return told.errors;
  }
  const said = String(told.detail ?? told.title ?? "");
  return [{ field: "", message: said, message_id: String(told.detail_id ?? said) }];
}

/**
 * @param {string} id
 * @param {Draft} draft
 * @param {(sha256: string) => Promise<Uint8Array<ArrayBuffer>>} content
 * @returns {Promise<Outcome>}
 */
export async function deliver(id, draft, content) {
  for (const file of draft.files) {
    const failed = await trouble(
      await ask(file.address.replace("{sha256}", file.sha256), {
        method: "PUT",
        headers: { "upload-offset": "0", "upload-length": String(file.size), "content-type": "application/octet-stream" },
        body: await content(file.sha256),
      }),
    );
    if (failed) {
      return failed;
    }
  }
  const answer = await ask(draft.action, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", "idempotency-key": id },
    body: bodyOf(id, draft),
  });
  const failed = await trouble(answer);
  if (failed || !answer) {
    return failed ?? { state: "later", after: 0 };
  }
  const told = await answer.json().catch(() => ({}));
  return { state: "delivered", receipt: String(told.receipt ?? "") };
}

/**
 * @param {string} id
 * @param {Draft} draft
 */
function bodyOf(id, draft) {
  const body = new URLSearchParams(draft.fields.filter(([name]) => name !== "csrf" && name !== "origin_id"));
  body.set("origin_id", id);
  draft.files.forEach((file, place) => {
    body.set(`attachments/${place}/sha256`, file.sha256);
    body.set(`attachments/${place}/kind`, file.kind);
    body.set(`attachments/${place}/name`, file.name);
  });
  return body;
}
