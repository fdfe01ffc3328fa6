"""The documents of `documents.ts`. Each follows from its arguments alone, so that a repeated activity writes the same text."""

import json
import os
import uuid
from pathlib import Path

from invoice import Invoice, Totals, amount


def put_document(directory: Path, name: str, text: str) -> str:
    """Writes a temporary file, syncs it to the disk and renames it: a reader never sees a part of a document."""
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / f".{name}.{uuid.uuid4()}"
    try:
        with temporary.open("x", encoding="utf8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(directory / name)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return name


def posting(invoice: Invoice, totals: Totals, entry: int) -> str:
    def row(label: str, cents: int) -> str:
        return f"{label:12}{amount(cents):>14} {invoice.currency}"

    lines = [
        f"  {one.quantity_milli / 1000:g} x {one.text} at {one.unit_price_milli / 1000:g}" for one in invoice.lines
    ]
    euros = [] if invoice.currency == "EUR" else [f"In euros    {amount(totals.total_eur_cents):>14} EUR"]
    return "\n".join(
        [
            f"Posting {entry}: invoice {invoice.number}",
            f"{invoice.supplier} ({invoice.vat_id}), issued {invoice.issued}",
            *lines,
            row("Net", totals.net_cents),
            row("VAT", totals.vat_cents),
            row("Total", totals.total_cents),
            *euros,
            "",
        ]
    )


def payment(invoice: Invoice, totals: Totals) -> str:
    order = {
        "reference": invoice.number,
        "payee": invoice.supplier,
        "currency": invoice.currency,
        "cents": totals.total_cents,
        "executeOn": invoice.due,
    }
    return json.dumps(order, indent=2, ensure_ascii=False) + "\n"


def reminder(number: str, supplier: str, total_eur_cents: int, approver: str, count: int) -> str:
    subject = "Please approve" if count == 1 else f"Reminder {count}: please approve"
    return (
        f"To: {approver}\nSubject: {subject} invoice {number}\n\n{supplier} asks for {amount(total_eur_cents)} EUR.\n"
    )
