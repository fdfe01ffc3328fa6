"""Failures that a retry cannot repair. Each fails the execution under its own name."""

from temporalio.exceptions import ApplicationError


class NonRetryable(ApplicationError):
    def __init__(self, message: str) -> None:
        super().__init__(message, type=type(self).__name__, non_retryable=True)


class InvalidInvoice(NonRetryable):
    """The file is no invoice, or the invoice has mistakes."""


class TotalMismatch(NonRetryable):
    """The supplier's total is not the sum of the lines."""


class UnknownVatId(NonRetryable):
    """The register does not have this VAT id."""


class UnknownCurrency(NonRetryable):
    """The rate service has no rate for this currency."""


class DuplicateInvoice(NonRetryable):
    """The invoice number was booked before."""
