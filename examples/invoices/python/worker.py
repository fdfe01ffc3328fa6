"""The activities of the pipeline, in Python: the workflow stays in TypeScript (`workflow.ts`) and calls them by name.

Each may run more than once with the effect of running once. In the folder of this file, with a worker of the workflow beside it
(`DEPLOYMENT_NAME=invoices npx node ../workflows.ts`):

    SERVER_URL=http://127.0.0.1:7411 DEPLOYMENT_NAME=invoices MISTRAL_API_KEY=sk_… python worker.py

Retries and time limits are those that the workflow's side gives to its activities.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import documents
import httpx
import ledger
import mistralai.workflows as workflows
import temporalio.activity
from failures import UnknownCurrency, UnknownVatId
from invoice import Invoice, Model, Rate, Totals, read_invoice, totals_of
from mistralai.workflows import Depends
from pydantic import StringConstraints

HERE = Path(__file__).parent
INBOX = Path(os.environ.get("INVOICES_INBOX") or HERE.parent / "data")
OUTPUT = Path(os.environ.get("INVOICES_OUTPUT") or ".demo/invoices")
WORKER = os.environ.get("WORKER_NAME") or socket.gethostname()


async def services() -> AsyncIterator[httpx.AsyncClient]:
    """The rate service, the VAT register and the treasury; the SDK closes the client with the worker."""
    async with httpx.AsyncClient(base_url=os.environ["INVOICES_SERVICES_URL"], timeout=30) as client:
        yield client


class File(Model):
    file: Annotated[str, StringConstraints(pattern=r"^[\w-]+\.\w+$")]


class Supplier(Model):
    vat_id: str


class Currency(Model):
    currency: str
    day: str


class Sum(Model):
    invoice: Invoice
    rate: Rate


class Booking(Model):
    invoice: Invoice
    totals: Totals
    approved_by: str | None = None


class Booked(Model):
    entry: int


class Posting(Model):
    invoice: Invoice
    totals: Totals
    entry: int


class Reminder(Model):
    number: str
    supplier: str
    total_eur_cents: int
    approver: str
    count: int


class Document(Model):
    name: str


@workflows.activity(name="read_invoice")
async def read(sent: File) -> Invoice:
    return await asyncio.to_thread(read_invoice, INBOX / sent.file)


@workflows.activity()
async def verify_supplier(sent: Supplier, http: httpx.AsyncClient = Depends(services)) -> None:
    answer = await http.get(f"/vat-ids/{sent.vat_id}")
    if answer.status_code == 404:
        raise UnknownVatId(f"the VAT id {sent.vat_id} is not registered")
    answer.raise_for_status()


@workflows.activity()
async def get_rate(sent: Currency, http: httpx.AsyncClient = Depends(services)) -> Rate:
    answer = await http.get(f"/rates/{sent.currency}", params={"day": sent.day})
    if answer.status_code == 404:
        raise UnknownCurrency(f"there is no rate for {sent.currency} on {sent.day}")
    return Rate.model_validate(answer.raise_for_status().json())


@workflows.activity()
async def add_up(sent: Sum) -> Totals:
    return totals_of(sent.invoice, sent.rate)


@workflows.activity()
async def book(sent: Booking, http: httpx.AsyncClient = Depends(services)) -> Booked:
    """Writes the ledger, then notifies the treasury. The ledger recognises a repeated attempt by its key."""
    info = temporalio.activity.info()
    key = f"{info.workflow_run_id}/{info.activity_id}"
    file = OUTPUT / "ledger.db"
    entry = await asyncio.to_thread(ledger.book, file, key, sent.invoice, sent.totals, sent.approved_by, WORKER)
    (await http.put(f"/bookings/{sent.invoice.number}", json={"entry": entry})).raise_for_status()
    return Booked(entry=entry)


async def write(name: str, text: str) -> Document:
    return Document(name=await asyncio.to_thread(documents.put_document, OUTPUT / "outbox", name, text))


@workflows.activity()
async def write_posting(sent: Posting) -> Document:
    text = documents.posting(sent.invoice, sent.totals, sent.entry)
    return await write(f"{sent.invoice.number}-posting.txt", text)


@workflows.activity()
async def order_payment(sent: Booking) -> Document:
    return await write(f"{sent.invoice.number}-payment.json", documents.payment(sent.invoice, sent.totals))


@workflows.activity()
async def remind_approver(sent: Reminder) -> Document:
    text = documents.reminder(sent.number, sent.supplier, sent.total_eur_cents, sent.approver, sent.count)
    return await write(f"{sent.number}-reminder-{sent.count}.txt", text)


if __name__ == "__main__":
    OUTPUT.mkdir(parents=True, exist_ok=True)
    asyncio.run(workflows.run_worker([]))
