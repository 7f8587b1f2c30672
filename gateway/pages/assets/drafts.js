// @ts-check
/**
 * Drafts of forms: kept sealed in the browser while they are typed, delivered once when there is a line.
 *
 * typing ─► draft ─► (send) queued ─► sending ─► delivered
 *             ▲                         ├─► refused: opened again with its faults, sent again under the same id
 *             └─────────────────────────┤
 *                                       └─► sign_in, or queued again: tried until it is answered
 */

import { deliver } from "./drafts_delivery.js";
import { clearFaults, fieldsOf, made, putBack, showFaults } from "./drafts_form.js";
import { newLock, open, seal, unlock, WrongPassphrase } from "./drafts_sealing.js";
import { forgetPages, isSupported, keepPage } from "./drafts_shell.js";
import { Store } from "./drafts_store.js";

/** @typedef {import("./drafts_store.js").Row} Row */
/** @typedef {import("./drafts_store.js").State} State */
/** @typedef {import("./drafts_store.js").FileRow} FileRow */
/** @typedef {import("./drafts_delivery.js").Draft} Draft */

const SHORTEST = 12;
const SAVE_AFTER = 300;
const TRY_FIRST = 2_000;
const TRY_LATEST = 60_000;
const ALONE = "siak-drafts";
/** @type {ReadonlySet<State>} */
const WAITING = new Set(["queued", "sending", "sign_in"]);

/**
 * An element of the panel that must be there.
 * @param {ParentNode} where
 * @param {string} selector
 * @returns {HTMLElement}
 */
function part(where, selector) {
  const found = where.querySelector(selector);
  if (!(found instanceof HTMLElement)) {
    throw new TypeError(`the page has no ${selector}`);
  }
  return found;
}

/** The drafts of one account on one page. */
class Drafts {
  /**
   * @param {HTMLElement} panel
   * @param {Store} store
   */
  constructor(panel, store) {
    this.panel = panel;
    this.store = store;
    this.account = panel.dataset.drafts ?? "";
    /** @type {Record<string, string>} */
    this.texts = JSON.parse(panel.dataset.texts ?? "{}");
    /** @type {HTMLFormElement | null} */
    this.form = document.querySelector("form[data-draft]");
    /** @type {CryptoKey | null} */
    this.key = null;
    /** @type {string} */
    this.id = crypto.randomUUID();
    /** @type {string} */
    this.id = crypto.randomUUID();
    /** @type {import("./drafts_delivery.js").Attached[]} */
    this.files = [];
    /** @type {Promise<unknown>} */
    this.last = Promise.resolve();
    this.saving = 0;
    this.trying = 0;
    this.pause = TRY_FIRST;
  }

  begin() {
    part(this.panel, "form[data-unlock]").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.unlock();
    });
    part(this.panel, "[data-lock]").addEventListener("click", () => this.lock());
    this.form?.addEventListener("input", () => this.typed());
    this.form?.addEventListener("change", (event) => this.changed(event));
    this.form?.addEventListener("submit", (event) => this.sent(event));
    document.addEventListener("submit", (event) => {
      if (event.target instanceof HTMLFormElement && event.target.action.endsWith("/sign-out")) {
        this.lock();
        void forgetPages();
      }
    });
    addEventListener("online", () => this.tryNow());
    addEventListener("offline", () => this.line(false));
    this.line(navigator.onLine);
    this.show(false);
    this.say(this.texts.locked ?? "");
  }

  async unlock() {
    const typed = /** @type {HTMLInputElement} */ (part(this.panel, "input[type=password]"));
    const passphrase = typed.value;
    const lock = await this.store.lock(this.account);
    if (!lock && passphrase.length < SHORTEST) {
      this.say(this.texts.short ?? "");
      return;
    }
    try {
      if (lock) {
        this.key = await unlock(this.account, passphrase, lock);
      } else {
        const made = await newLock(this.account, passphrase);
        await this.store.keepLock(this.account, made.lock);
        this.key = made.key;
      }
    } catch (error) {
      if (!(error instanceof WrongPassphrase)) {
        throw error;
      }
      this.say(this.texts.wrong ?? "");
      return;
    }
    typed.value = "";
    this.show(true);
    this.say(this.texts.unlocked ?? "");
    await this.list();
    this.tryNow();
  }

  /** Forget the key; what is stored stays sealed. */
  lock() {
    this.key = null;
    clearTimeout(this.saving);
    clearTimeout(this.trying);
    part(this.panel, "[data-rows]").replaceChildren();
    this.show(false);
    this.say(this.texts.locked ?? "");
  }

  typed() {
    if (!this.key) {
      this.say(this.texts.unlock_first ?? "");
      return;
    }
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.after(() => this.save("draft")), SAVE_AFTER);
  }

  /** @param {Event} event */
  changed(event) {
    const input = event.target;
    if (input instanceof HTMLInputElement && input.type === "file" && input.dataset.attach && this.key) {
      const key = this.key;
      this.after(() => this.attach(key, input));
    }
  }

  /**
   * One thing after the other: a save never overtakes an earlier one.
   * @param {() => Promise<unknown>} work
   */
  after(work) {
    this.last = this.last.then(work, work);
    return this.last;
  }

  /**
   * Keep chosen files, sealed.
   * @param {CryptoKey} key
   * @param {HTMLInputElement} input
   */
  async attach(key, input) {
    for (const file of input.files ?? []) {
      const content = new Uint8Array(await file.arrayBuffer());
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
      const sha256 = [...digest].map((one) => one.toString(16).padStart(2, "0")).join("");
      const kept = await seal(key, this.account, `${this.id}/${sha256}`, content);
      const kind = input.dataset.kind ?? "";
      this.files = [
        ...this.files.filter((one) => one.sha256 !== sha256),
        { name: file.name, kind, sha256, size: file.size, address: input.dataset.attach ?? "" },
      ];
      await this.save("draft", [{ draft: this.id, sha256, account: this.account, sealed: kept }]);
    }
  }

  /**
   * Keep what is on the page.
   * @param {State} state
   * @param {FileRow[]} files
   */
  async save(state, files = []) {
    if (!this.form || !this.key) {
      return;
    }
    /** @type {Draft} */
    const draft = {
      kind: this.form.dataset.draft ?? "",
      action: new URL(this.form.action).pathname,
      page: location.pathname,
      title: this.form.dataset.title ?? "",
      fields: fieldsOf(this.form),
      files: this.files,
      receipt: "",
      errors: [],
    };
    await this.put(this.id, state, draft, files);
    this.say((this.texts.saved ?? "").replace("{time}", new Date().toLocaleTimeString("id-ID")));
    part(this.panel, "[data-said]").dataset.files = String(this.files.length);
    await this.list();
  }

  /**
   * @param {string} id
   * @param {State} state
   * @param {Draft} draft
   * @param {FileRow[]} files
   */
  async put(id, state, draft, files = []) {
    if (this.key) {
      const bytes = new TextEncoder().encode(JSON.stringify(draft));
      const body = await seal(this.key, this.account, id, bytes);
      await this.store.keep({ id, account: this.account, state, changed: Date.now(), body }, files);
    }
  }

  /**
   * @param {Row} row
   * @returns {Promise<Draft>}
   */
  async read(row) {
    if (!this.key) {
      throw new WrongPassphrase("locked");
    }
    return JSON.parse(new TextDecoder().decode(await open(this.key, this.account, row.id, row.body)));
  }

  /** @param {SubmitEvent} event */
  sent(event) {
    if (!this.key || !this.form) {
      return; // without a key the form goes the plain way
    }
    event.preventDefault();
    clearTimeout(this.saving);
    clearFaults(this.form);
    void this.after(async () => {
      await this.save("queued");
      this.anew();
      this.tryNow();
    });
  }

  /** An empty form, for another draft. */
  anew() {
    this.id = crypto.randomUUID();
    this.id = crypto.randomUUID();
    this.files = [];
    this.form?.reset();
  }

  tryNow() {
    clearTimeout(this.trying);
    this.pause = TRY_FIRST;
    void this.deliverAll();
  }

  /** Deliver what waits, oldest first; one tab at a time. */
  async deliverAll() {
    const after = await navigator.locks.request(ALONE, { ifAvailable: true }, async (alone) => {
      if (!alone || !this.key) {
        return alone ? 0 : this.pause;
      }
      for (const row of await this.store.drafts(this.account)) {
        const waits = WAITING.has(row.state) ? await this.deliverOne(row) : 0;
        if (waits) {
          return waits;
        }
      }
      return 0;
    });
    if (after && this.key) {
      this.pause = Math.min(this.pause * 2, TRY_LATEST);
      clearTimeout(this.trying);
      this.trying = setTimeout(() => void this.deliverAll(), after);
    }
  }

  /**
   * @param {Row} row
   * @returns {Promise<number>} milliseconds to wait before going on, 0 for none
   */
  async deliverOne(row) {
    const draft = await this.read(row);
    await this.put(row.id, "sending", draft);
    await this.list();
    const outcome = await deliver(row.id, draft, (sha256) => this.content(row.id, sha256));
    this.line(outcome.state !== "later" || navigator.onLine);
    if (outcome.state === "delivered") {
      const done = { ...draft, fields: [], files: [], receipt: outcome.receipt, errors: [] };
      await this.put(row.id, "delivered", /** @type {Draft} */ (done));
      await this.store.dropFiles(row.id);
    } else if (outcome.state === "refused") {
      const wrong = { ...draft, errors: outcome.errors };
      await this.put(row.id, "refused", wrong);
      await this.reopen(row.id, wrong);
    } else {
      await this.put(row.id, outcome.state === "sign_in" ? "sign_in" : "queued", draft);
    }
    await this.list();
    return outcome.state === "later" ? Math.max(this.pause, outcome.after * 1000) : 0;
  }

  /**
   * @param {string} id
   * @param {string} sha256
   */
  async content(id, sha256) {
    const row = await this.store.file(id, sha256);
    if (!row || !this.key) {
      throw new WrongPassphrase("no such file");
    }
    return open(this.key, this.account, `${id}/${sha256}`, row.sealed);
  }

  /**
   * Put a draft back on the page, if it is its page and nothing else is being typed there.
   * @param {string} id
   * @param {Draft} draft
   */
  async reopen(id, draft) {
    const isTyping = (await this.store.drafts(this.account)).some((row) => row.id === this.id);
    if (!this.form || draft.kind !== this.form.dataset.draft || (isTyping && this.id !== id)) {
      return;
    }
    this.id = id;
    this.files = draft.files;
    putBack(this.form, draft.fields);
    if (draft.errors.length) {
      showFaults(this.form, draft.errors, this.texts.problem ?? "");
    }
  }

  /** @param {Row} row */
  async take(row) {
    const draft = await this.read(row);
    if (draft.page !== location.pathname) {
      location.assign(draft.page);
      return;
    }
    await this.after(async () => {
      this.anew();
      await this.reopen(row.id, draft);
    });
    /** @type {HTMLElement | null | undefined} */ (this.form?.querySelector("input:not([type=hidden]),select"))?.focus();
  }

  /** Show where each stands. */
  async list() {
    const rows = this.key ? await this.store.drafts(this.account) : [];
    const shown = await Promise.all(rows.reverse().map((row) => this.entry(row)));
    const list = part(this.panel, "[data-rows]");
    list.replaceChildren(...(shown.length ? shown : [made("li", "", this.texts.none)]));
  }

  /** @param {Row} row */
  async entry(row) {
    const draft = await this.read(row);
    const entry = made("li", "");
    entry.dataset.state = row.state;
    const at = new Date(row.changed).toLocaleString("id-ID");
    entry.append(`${draft.title} · ${at} · `, made("strong", "govuk-tag", this.texts[`state_${row.state}`]));
    if (draft.receipt) {
      entry.append(` ${this.texts.receipt}: `, made("code", "", draft.receipt));
    }
    if (row.state === "draft" || row.state === "refused") {
      entry.append(" ", this.button(this.texts.open ?? "", () => this.take(row)));
    }
    if (!WAITING.has(row.state)) {
      entry.append(" ", this.button(this.texts.discard ?? "", () => this.discard(row)));
    }
    return entry;
  }

  /** @param {Row} row */
  async discard(row) {
    if (row.id === this.id) {
      this.anew();
    }
    await this.store.drop(row.id);
    await this.list();
  }

  /**
   * @param {string} words
   * @param {() => Promise<void>} act
   */
  button(words, act) {
    const button = made("button", "plain-button", words);
    button.setAttribute("type", "button");
    button.addEventListener("click", () => void act());
    return button;
  }

  /** @param {boolean} isOpen */
  show(isOpen) {
    part(this.panel, "form[data-unlock]").hidden = isOpen;
    part(this.panel, "[data-unlocked]").hidden = !isOpen;
  }

  /** @param {string} words */
  say(words) {
    part(this.panel, "[data-said]").textContent = words;
  }

  /** @param {boolean} isThere */
  line(isThere) {
    const line = part(this.panel, "[data-line]");
    line.dataset.line = isThere ? "there" : "cut";
    line.textContent = (isThere ? this.texts.online : this.texts.offline) ?? "";
  }
}

/** Begin on a page that has the panel of drafts. */
export async function begin() {
  const panel = part(document, "[data-drafts]");
  if (!isSupported()) {
    part(panel, "[data-unsupported]").hidden = false;
    return;
  }
  new Drafts(panel, await Store.open()).begin();
  await keepPage(panel.dataset.drafts ?? "");
  panel.dataset.kept = "true";
}
