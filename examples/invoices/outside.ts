/** The outside world, as activities see it: a rate service, a register of VAT ids and a treasury, over HTTP, slow and unreliable. */
import { UnknownCurrency, UnknownVatId } from "./failures.ts";
import { Rate } from "./invoice.ts";

/** Throws `UnknownCurrency`, which no retry mends, or `Error`, which one may. */
export async function fetchRate(url: string, currency: string, day: string, signal: AbortSignal): Promise<Rate> {
  const response = await fetch(`${url}/rates/${currency}?day=${day}`, { signal });
  if (response.status === 404) throw new UnknownCurrency(`there is no rate for ${currency} on ${day}`);
  return Rate.parse(await answer(response));
}

/** Throws `UnknownVatId`, which no retry mends, or `Error`, which one may. */
export async function checkVatId(url: string, vatId: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(`${url}/vat-ids/${vatId}`, { signal });
  if (response.status === 404) throw new UnknownVatId(`nobody is registered under the VAT id ${vatId}`);
  await answer(response);
}

/** Tells the treasury that an invoice was booked; telling it again changes nothing. Throws `Error`, worth another try. */
export async function tellTreasury(url: string, number: string, entry: number, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({ entry });
  await answer(await fetch(`${url}/bookings/${number}`, { method: "PUT", body, signal }));
}

async function answer(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`${new URL(response.url).pathname} answered ${response.status}`);
  return response.json();
}
