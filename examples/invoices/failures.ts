/** Failures that a retry cannot repair. Each fails the execution under its own name. */
import { WorkflowError } from "@sirocco/sdk";

class NonRetryable extends WorkflowError {
  constructor(message: string) {
    super(message, { retry: false });
  }
}

/** The file is not an invoice, or the invoice has mistakes. */
export class InvalidInvoice extends NonRetryable {}
/** The supplier's total is not the sum of the lines. */
export class TotalMismatch extends NonRetryable {}
/** The register does not have this VAT id. */
export class UnknownVatId extends NonRetryable {}
/** The rate service has no rate for this currency. */
export class UnknownCurrency extends NonRetryable {}
/** The invoice number was booked before. */
export class DuplicateInvoice extends NonRetryable {}
/** The approver rejected the invoice. */
export class Rejected extends NonRetryable {}
/** The approver did not decide in time. */
export class NotApproved extends NonRetryable {}
