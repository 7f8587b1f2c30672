// @ts-check
/**
 * Seals drafts under the operator's passphrase; the key lives in memory only.
 *
 * passphrase ─► PBKDF2-HMAC-SHA-256 (salt, iterations) ─► AES-256 key, not extractable
 * sealed record = {"v": 1, "nonce": base64, "sealed": base64}, AES-256-GCM, 12 random bytes of nonce,
 * additional data = "siak-draft/1|<account>|<what>", so that a record fits its owner and its place only.
 *
 * Vectors that Python makes and reads too: tests/pages/draft_vectors.json.
 */

/** @typedef {{v: number, nonce: string, sealed: string}} Sealed */
/** @typedef {{salt: string, iterations: number, check: Sealed}} Lock */

export const ITERATIONS = 600000;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const CHECK = "check";

/** The passphrase does not fit. */
export class WrongPassphrase extends Error {}

/**
 * The bytes as text.
 * @param {Uint8Array} bytes
 */
export function toBase64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

/**
 * The bytes that a text stands for.
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

/**
 * The key of a passphrase.
 * @param {string} passphrase
 * @param {Uint8Array<ArrayBuffer>} salt
 * @param {number} iterations
 * @returns {Promise<CryptoKey>}
 */
export async function keyOf(passphrase, salt, iterations) {
  const typed = new TextEncoder().encode(passphrase.normalize("NFKC"));
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

/**
 * What a record is bound to.
 * @param {string} account
 * @param {string} what
 */
function place(account, what) {
  return new TextEncoder().encode(`siak-draft/1|${account}|${what}`);
}

/**
 * Seal bytes for an account and a place.
 * @param {CryptoKey} key
 * @param {string} account
 * @param {string} what
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Uint8Array<ArrayBuffer>} [nonce] given by vectors only
 * @returns {Promise<Sealed>}
 */
export async function seal(key, account, what, bytes, nonce) {
  const iv = nonce ?? crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: place(account, what) }, key, bytes);
  return { v: 1, nonce: toBase64(iv), sealed: toBase64(new Uint8Array(sealed)) };
}

/**
 * Open what was sealed.
 * @param {CryptoKey} key
 * @param {string} account
 * @param {string} what
 * @param {Sealed} record
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function open(key, account, what, record) {
  if (record.v !== 1) {
    throw new WrongPassphrase(`a record of version ${record.v}`);
  }
  try {
    const opened = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: fromBase64(record.nonce), additionalData: place(account, what) },
      key,
      fromBase64(record.sealed),
    );
    return new Uint8Array(opened);
  } catch {
    throw new WrongPassphrase("it does not open");
  }
}

/**
 * A new lock for an account, with its key.
 * @param {string} account
 * @param {string} passphrase
 * @returns {Promise<{lock: Lock, key: CryptoKey}>}
 */
export async function newLock(account, passphrase) {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const key = await keyOf(passphrase, salt, ITERATIONS);
  const check = await seal(key, account, CHECK, new TextEncoder().encode(CHECK));
  return { lock: { salt: toBase64(salt), iterations: ITERATIONS, check }, key };
}

/**
 * The key of an account's lock.
 * @param {string} account
 * @param {string} passphrase
 * @param {Lock} lock
 * @returns {Promise<CryptoKey>}
 */
export async function unlock(account, passphrase, lock) {
  const key = await keyOf(passphrase, fromBase64(lock.salt), lock.iterations);
  await open(key, account, CHECK, lock.check);
  return key;
}
