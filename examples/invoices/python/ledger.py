"""The ledger of `ledger.ts`, with the same rules (LEDGER-1, LEDGER-2), from Python."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from failures import DuplicateInvoice
from invoice import Invoice, Totals

SCHEMA = (Path(__file__).parent.parent / "ledger.sql").read_text()


def book(file: Path, key: str, invoice: Invoice, totals: Totals, approved_by: str | None, booked_by: str) -> int:
    """The number of the entry. Raises `DuplicateInvoice` when the invoice was booked under another key."""
    with closing(sqlite3.connect(file, timeout=5, autocommit=True)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        db.execute(SCHEMA)
        repeated = db.execute(
            "UPDATE entries SET repeats = repeats + 1 WHERE idempotency_key = ? RETURNING entry", (key,)
        ).fetchone()
        entry = (
            repeated
            or db.execute(
                """INSERT INTO entries (idempotency_key, number, supplier, currency, net_cents, vat_cents, total_cents,
                 total_eur_cents, approved_by, booked_by, booked_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO NOTHING RETURNING entry""",
                (
                    key,
                    invoice.number,
                    invoice.supplier,
                    invoice.currency,
                    totals.net_cents,
                    totals.vat_cents,
                    totals.total_cents,
                    totals.total_eur_cents,
                    approved_by,
                    booked_by,
                    datetime.now(UTC).isoformat(),
                ),
            ).fetchone()
        )
        db.execute("COMMIT")
    if entry is None:
        raise DuplicateInvoice(f"{invoice.number} ({totals.total_cents} cents) was booked before: is this a copy?")
    return int(entry[0])
