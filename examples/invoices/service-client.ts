/** The HTTP client of three slow and unreliable services: exchange rates, a register of VAT ids, and the treasury. */
import { UnknownCurrency, UnknownVatId } from "./failures.ts";
import { Rate } from "./invoice.ts";

/** Throws `UnknownCurrency`, which is not retried, or `Error`, which is. */
export async function fetchRate(url: string, currency: string, day: string, signal: AbortSignal): Promise<Rate> {
  const response = await fetch(`${url}/rates/${currency}?day=${day}`, { signal });
  if (response.status === 404) throw new UnknownCurrency(`there is no rate for ${currency} on ${day}`);
  return Rate.parse(await answer(response));
}

/** Throws `UnknownVatId`, which is not retried, or `Error`, which is. */
export async function checkVatId(url: string, vatId: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(`${url}/vat-ids/${vatId}`, { signal });
  if (response.status === 404) throw new UnknownVatId(`the VAT id ${vatId} is not registered`);
  await answer(response);
}

/** Tells the treasury that an invoice was booked. A repeated message changes nothing. Throws `Error`, which is retried. */
export async function notifyTreasury(url: string, number: string, entry: number, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({ entry });
  await answer(await fetch(`${url}/bookings/${number}`, { method: "PUT", body, signal }));
}

async function answer(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`${new URL(response.url).pathname} answered ${response.status}`);
  return response.json();
}
