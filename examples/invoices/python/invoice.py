"""Invoices: the schema, the files, and the sum, in whole numbers as in `invoice.ts`, `read.ts` and `totals.ts`."""

import csv
import json
import re
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from failures import InvalidInvoice, TotalMismatch
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Model(BaseModel):
    """Fields have the names of TypeScript in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True)


def decimal(text: str, places: int) -> int | None:
    """`"12.5"` with up to `places` decimals as a whole number of 10^-places. None for any other text."""
    found = re.fullmatch(r"(-?)(\d{1,12})(?:\.(\d+))?", text.strip())
    if not found or len(found[3] or "") > places:
        return None
    value = int(found[2] + (found[3] or "").ljust(places, "0"))
    return -value if found[1] else value


def scaled(places: int, what: str) -> Any:
    def read(text: Any) -> int:
        value = decimal(str(text), places)
        if value is None or value <= 0:
            raise ValueError(f"'{text}' is not {what} above 0 with at most {places} decimals")
        return value

    return Annotated[int, BeforeValidator(read)]


def vat_tenths(text: Any) -> int:
    value = decimal(str(text), 1)
    if value is None or not 0 <= value <= 500:
        raise ValueError(f"'{text}' is not a VAT rate")
    return value


def day(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError(f"'{text}' is not a day")
    date.fromisoformat(text)
    return text


class Head(Model):
    number: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{4}$")]
    supplier: Text
    vat_id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,3}[A-Z0-9]{6,12}$")]
    issued: Annotated[str, AfterValidator(day)]
    due: Annotated[str, AfterValidator(day)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class SentLine(Model):
    """A line as suppliers send it: all amounts are decimal text."""

    text: Text
    quantity: scaled(3, "a quantity")
    unit_price: scaled(3, "a price")
    vat_percent: Annotated[int, BeforeValidator(vat_tenths)]


class SentInvoice(Head):
    lines: Annotated[list[SentLine], Field(min_length=1)]
    total: scaled(2, "an amount")

    @model_validator(mode="after")
    def due_after_issue(self) -> "SentInvoice":
        if self.due < self.issued:
            raise ValueError("the due date lies before the issue date")
        return self


class Line(Model):
    text: str
    quantity_milli: int
    unit_price_milli: int
    vat_tenths: int


class Invoice(Head):
    """Quantities and unit prices in thousandths, VAT rates in tenths of a percent."""

    lines: list[Line]
    declared_cents: int


class Rate(Model):
    """Euros for one unit of a currency, in millionths."""

    currency: str
    eur_micros: int


class Totals(Model):
    """Cents of the invoice's currency, and cents of a euro."""

    net_cents: int
    vat_cents: int
    total_cents: int
    total_eur_cents: int


def read_invoice(path: Path) -> Invoice:
    """Raises `InvalidInvoice` for invalid content, and `OSError`, which is retried, if the file cannot be read."""
    text = path.read_text(encoding="utf8")
    try:
        content = json.loads(text) if path.suffix == ".json" else _from_csv(text)
    except (ValueError, csv.Error) as error:
        raise InvalidInvoice(f"{path.name} cannot be parsed: {error}") from None
    try:
        sent = SentInvoice.model_validate(content)
    except ValidationError as error:
        mistakes = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
        raise InvalidInvoice(f"{path.name} is not a valid invoice: {mistakes}") from None
    lines = [
        Line(text=one.text, quantity_milli=one.quantity, unit_price_milli=one.unit_price, vat_tenths=one.vat_percent)
        for one in sent.lines
    ]
    head = sent.model_dump(include=set(Head.model_fields), by_alias=False)
    return Invoice(**head, lines=lines, declared_cents=sent.total)


def _from_csv(text: str) -> Any:
    rows = list(csv.DictReader(text.splitlines(keepends=True), strict=True))
    first = rows[0] if rows else {}
    fields = ["number", "supplier", "vat_id", "issued", "due", "currency", "total"]
    lines = ["text", "quantity", "unit_price", "vat_percent"]
    return {
        **{name: first.get(name) for name in fields},
        "lines": [{name: row.get(name) for name in lines} for row in rows],
    }


def multiply(a: int, b: int, divisor: int) -> int:
    """`a * b / divisor`, halves away from zero."""
    product = abs(a * b)
    value = (2 * product + divisor) // (2 * divisor)
    return value if a * b >= 0 else -value


def totals_of(invoice: Invoice, rate: Rate) -> Totals:
    """Each line is rounded, and VAT is rounded once for each rate. Raises `TotalMismatch` if the declared total differs."""
    net_by_rate: dict[int, int] = defaultdict(int)
    for line in invoice.lines:
        net_by_rate[line.vat_tenths] += multiply(line.quantity_milli, line.unit_price_milli, 10_000)
    net = sum(net_by_rate.values())
    vat = sum(multiply(amount, tenths, 1_000) for tenths, amount in net_by_rate.items())
    if net + vat != invoice.declared_cents:
        declared, summed = amount(invoice.declared_cents), amount(net + vat)
        raise TotalMismatch(f"{invoice.number} declares {declared} {invoice.currency}, its lines add up to {summed}")
    eur = multiply(net + vat, rate.eur_micros, 1_000_000)
    return Totals(net_cents=net, vat_cents=vat, total_cents=net + vat, total_eur_cents=eur)


def amount(cents: int) -> str:
    """`1234567` as `12,345.67`."""
    units, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{units:,}.{rest:02}"
