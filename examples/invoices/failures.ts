/** Failures that no retry can mend: each fails the execution under its own name. */
import { WorkflowError } from "@sirocco/sdk";

class Hopeless extends WorkflowError {
  constructor(message: string) {
    super(message, { retry: false });
  }
}

/** The file is no invoice, or one with mistakes. */
export class InvalidInvoice extends Hopeless {}
/** The supplier added up wrong. */
export class TotalMismatch extends Hopeless {}
/** Nobody is registered under this VAT id. */
export class UnknownVatId extends Hopeless {}
/** There is no rate for this currency. */
export class UnknownCurrency extends Hopeless {}
/** Somebody has booked this invoice before. */
export class DuplicateInvoice extends Hopeless {}
/** The approver said no. */
export class Rejected extends Hopeless {}
/** The approver never said anything. */
export class NotApproved extends Hopeless {}
