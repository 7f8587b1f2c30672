// @ts-check
/**
 * Where drafts lie: IndexedDB, sealed. In the clear stand only a random id, whose it is, its state and when it changed.
 *
 * locks   account ─► salt, rounds, and a record by which a passphrase is known to fit
 * drafts  id ─► {id, account, state, changed, body: sealed {kind, action, page, title, fields, receipt, errors}}
 * files   [draft, sha256] ─► sealed bytes of an attachment
 */

/** @typedef {import("./drafts_sealing.js").Sealed} Sealed */
/** @typedef {import("./drafts_sealing.js").Lock} Lock */
/** @typedef {"draft" | "queued" | "sending" | "delivered" | "refused" | "sign_in"} State */
/** @typedef {{id: string, account: string, state: State, changed: number, body: Sealed}} Row */
/** @typedef {{draft: string, sha256: string, account: string, sealed: Sealed}} FileRow */

const NAME = "siak-drafts";
const VERSION = 1;

/**
 * The result of a request.
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Sealed drafts of all who use this browser. */
export class Store {
  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
  }

  /** @returns {Promise<Store>} */
  static async open() {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      const made = request.result;
      made.createObjectStore("locks");
      made.createObjectStore("drafts", { keyPath: "id" }).createIndex("account", "account");
      made.createObjectStore("files", { keyPath: ["draft", "sha256"] }).createIndex("draft", "draft");
    };
    return new Store(await done(request));
  }

  /**
   * Run one transaction; what it wrote is on disk once this returns.
   * @template T
   * @param {string[]} names
   * @param {IDBTransactionMode} mode
   * @param {(transaction: IDBTransaction) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async run(names, mode, work) {
    const transaction = this.database.transaction(names, mode, { durability: "strict" });
    const ended = new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(undefined);
      transaction.onabort = () => reject(transaction.error);
    });
    const result = await work(transaction);
    await ended;
    return result;
  }

  /**
   * @param {string} account
   * @returns {Promise<Lock | undefined>}
   */
  lock(account) {
    return this.run(["locks"], "readonly", (all) => done(all.objectStore("locks").get(account)));
  }

  /**
   * @param {string} account
   * @param {Lock} lock
   */
  async keepLock(account, lock) {
    await this.run(["locks"], "readwrite", (all) => done(all.objectStore("locks").add(lock, account)));
  }

  /**
   * @param {string} account
   * @returns {Promise<Row[]>} those of an account, oldest change first
   */
  async drafts(account) {
    /** @type {Row[]} */
    const rows = await this.run(["drafts"], "readonly", (all) =>
      done(all.objectStore("drafts").index("account").getAll(account)),
    );
    return rows.sort((one, other) => one.changed - other.changed);
  }

  /**
   * Keep a draft, with new files of it.
   * @param {Row} row
   * @param {FileRow[]} files
   */
  async keep(row, files) {
    await this.run(["drafts", "files"], "readwrite", async (all) => {
      for (const file of files) {
        all.objectStore("files").put(file);
      }
      await done(all.objectStore("drafts").put(row));
    });
  }

  /**
   * @param {string} draft
   * @param {string} sha256
   * @returns {Promise<FileRow | undefined>}
   */
  file(draft, sha256) {
    return this.run(["files"], "readonly", (all) => done(all.objectStore("files").get([draft, sha256])));
  }

  /**
   * Forget a draft's files; they were delivered, or the draft is thrown away.
   * @param {string} draft
   */
  async dropFiles(draft) {
    await this.run(["files"], "readwrite", async (all) => {
      const keys = await done(all.objectStore("files").index("draft").getAllKeys(draft));
      for (const key of keys) {
        all.objectStore("files").delete(key);
      }
    });
  }

  /** @param {string} draft */
  async drop(draft) {
    await this.dropFiles(draft);
    await this.run(["drafts"], "readwrite", (all) => done(all.objectStore("drafts").delete(draft)));
  }
}
