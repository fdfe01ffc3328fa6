/**
 * The ledger: a SQLite file that several workers write.
 *
 * LEDGER-1. An entry is booked under the idempotency key of the activity that books it. If the activity runs again, because its
 *     worker died before it reported the result, the ledger finds the entry by the key and books nothing.
 * LEDGER-2. An invoice number is booked once, under any key.
 */
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { DuplicateInvoice } from "./failures.ts";
import type { Invoice, Totals } from "./invoice.ts";

export interface Entry extends Totals {
  /** 1, 2, 3 … in the order of booking. */
  readonly entry: number;
  readonly number: string;
  readonly supplier: string;
  readonly currency: string;
  readonly approvedBy: string | null;
  /** Name of the worker that booked it. */
  readonly bookedBy: string;
  /** Number of repeated bookings under the same key. */
  readonly repeats: number;
}

/** The Python activities write the same table. */
const SCHEMA = readFileSync(new URL("./ledger.sql", import.meta.url), "utf8");

const COLUMNS = `entry, number, supplier, currency, net_cents AS netCents, vat_cents AS vatCents,
  total_cents AS totalCents, total_eur_cents AS totalEurCents, approved_by AS approvedBy, booked_by AS bookedBy, repeats`;

export class Ledger {
  readonly #db: DatabaseSync;

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 5_000 });
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#db.exec(SCHEMA);
  }

  /** Throws `DuplicateInvoice` when the number was booked under another key. */
  book(p: { key: string; invoice: Invoice; totals: Totals; approvedBy: string | null; bookedBy: string }): Entry {
    const { key, invoice, totals } = p;
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const entry = this.#findRepeated(key) ?? this.#insert(p);
      this.#db.exec("COMMIT");
      if (entry) return entry;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
    const other = this.#find("number", invoice.number);
    throw new DuplicateInvoice(
      `${invoice.number} (${totals.totalCents} cents) was booked before, as entry ${other?.entry}: is this a copy?`,
    );
  }

  /** LEDGER-1. */
  #findRepeated(key: string): Entry | undefined {
    this.#db.prepare("UPDATE entries SET repeats = repeats + 1 WHERE idempotency_key = ?").run(key);
    return this.#find("idempotency_key", key);
  }

  /** LEDGER-2. Undefined if the number was booked before. */
  #insert(p: Parameters<Ledger["book"]>[0]): Entry | undefined {
    const { key, invoice: i, totals: t } = p;
    this.#db
      .prepare(
        `INSERT INTO entries (idempotency_key, number, supplier, currency, net_cents, vat_cents, total_cents,
           total_eur_cents, approved_by, booked_by, booked_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO NOTHING`,
      )
      .run(
        key,
        i.number,
        i.supplier,
        i.currency,
        t.netCents,
        t.vatCents,
        t.totalCents,
        t.totalEurCents,
        p.approvedBy,
        p.bookedBy,
        new Date().toISOString(),
      );
    return this.#find("idempotency_key", key);
  }

  #find(column: "idempotency_key" | "number", value: string): Entry | undefined {
    const row = this.#db.prepare(`SELECT ${COLUMNS} FROM entries WHERE ${column} = ?`).get(value);
    return row as unknown as Entry | undefined;
  }

  entries(): Entry[] {
    return this.#db.prepare(`SELECT ${COLUMNS} FROM entries ORDER BY entry`).all() as unknown as Entry[];
  }

  close(): void {
    this.#db.close();
  }
}
