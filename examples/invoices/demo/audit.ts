/** Compares executions, ledger, treasury, outbox and event stream with the expected results. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Mistral } from "@mistralai/mistralai";
import { type Payment, paymentName, postingName } from "../documents.ts";
import type { Entry, Ledger } from "../ledger.ts";
import { amount } from "../money.ts";
import type { Case } from "./cases.ts";
import type { Closed } from "./client.ts";
import type { Watcher } from "./watcher.ts";

export interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

const finding = (good: string, problems: readonly string[]): Finding =>
  problems.length === 0 ? { ok: true, text: good } : { ok: false, text: problems.join("; ") };

/** Each execution has the expected outcome. */
export function auditExecutions(cases: readonly Case[], closed: ReadonlyMap<string, Closed>): Finding {
  const problems: string[] = [];
  const twins: string[] = [];
  let completed = 0;
  for (const c of cases) {
    const { status, failure, result } = closed.get(c.execution)!;
    const how = status === "COMPLETED" ? "booked" : (failure.at(-1) ?? status);
    if (how === "booked") completed += 1;
    if (c.outcome === "booked-once") twins.push(how);
    else if (how !== c.outcome) problems.push(`${c.execution} should have the outcome ${c.outcome} and has ${how}`);
    if (how !== "booked") continue;
    const { number, totalEurCents } = result as { number: string; totalEurCents: number };
    if (number !== c.number || totalEurCents !== c.totalEurCents)
      problems.push(`${c.execution} answered ${JSON.stringify(result)}`);
  }
  if (twins.sort().join() !== "DuplicateInvoice,booked")
    problems.push(`the invoice that was sent twice: ${twins.join(" and ")}`);
  const good = `${cases.length} executions: ${completed} completed, ${cases.length - completed} failed, each as expected`;
  return finding(good, problems);
}

/** The cases that must be in the ledger: of the invoice that was sent twice, one. */
export function booked(cases: readonly Case[]): Case[] {
  const byNumber = new Map<string, Case>();
  for (const c of cases) if (c.number && c.outcome.startsWith("booked")) byNumber.set(c.number, c);
  return [...byNumber.values()];
}

/** The ledger has every invoice exactly once, with the right amounts. */
export function auditLedger(ledger: Ledger, cases: readonly Case[]): Finding {
  const problems: string[] = [];
  const wanted = new Map(booked(cases).map((c) => [c.number as string, c]));
  const entries = ledger.entries();
  for (const entry of entries) {
    const c = wanted.get(entry.number);
    if (!c) problems.push(`${entry.number} should not be in the ledger, or is in it twice`);
    else if (!same(entry, c))
      problems.push(`${entry.number} is booked with ${entry.totalCents} cents instead of ${c.totalCents}`);
    wanted.delete(entry.number);
  }
  for (const number of wanted.keys()) problems.push(`${number} is missing from the ledger`);
  const sum = entries.reduce((total, entry) => total + entry.totalEurCents, 0);
  return finding(
    `ledger: ${entries.length} entries, every invoice exactly once, ${amount(sum)} EUR, correct to the cent`,
    problems,
  );
}

function same(entry: Entry, c: Case): boolean {
  const keys = ["netCents", "vatCents", "totalCents", "totalEurCents"] as const;
  return keys.every((key) => entry[key] === c[key]) && (entry.approvedBy !== null) === (c.approval === "approve");
}

/** The treasury was notified of every entry, and of no other invoice. */
export function auditTreasury(notified: ReadonlySet<string>, cases: readonly Case[]): Finding {
  const wanted = new Set(booked(cases).map((c) => c.number as string));
  const missing = [...wanted].filter((number) => !notified.has(number));
  const extra = [...notified].filter((number) => !wanted.has(number));
  const problems = missing.map((number) => `the treasury was not notified of ${number}`);
  for (const number of extra) problems.push(`the treasury was notified of ${number}, which should not be booked`);
  return finding(`treasury: notified of all ${wanted.size} entries and of no other invoice`, problems);
}

/** The outbox has every document complete, and no others. */
export function auditOutbox(directory: string, cases: readonly Case[]): Finding {
  const problems: string[] = [];
  const found = new Set(readdirSync(directory));
  const documents = booked(cases);
  for (const c of documents) {
    const number = c.number as string;
    for (const name of [postingName(number), paymentName(number)]) {
      if (!found.delete(name)) problems.push(`${name} is missing from the outbox`);
      else if (name.endsWith(".json") && paid(directory, name).cents !== c.totalCents)
        problems.push(`${name} pays the wrong amount`);
    }
  }
  const asked = new Set(cases.filter((c) => c.approval).map((c) => c.number));
  let reminders = 0;
  for (const name of found) {
    if (/^\d{4}-\d{4}-reminder-\d+\.txt$/.test(name) && asked.has(name.slice(0, 9))) reminders += 1;
    else problems.push(`${name} should not be in the outbox`);
  }
  if (reminders < asked.size)
    problems.push(`${asked.size} invoices waited for an approval, but only ${reminders} reminders were written`);
  return finding(
    `outbox: ${documents.length * 2} documents and ${reminders} reminders, all complete, none missing`,
    problems,
  );
}

const paid = (directory: string, name: string): Payment => JSON.parse(readFileSync(join(directory, name), "utf8"));

/** The stream delivered all stored events, each once, in order. */
export async function auditStream(mistral: Mistral, watcher: Watcher, cases: readonly Case[]): Promise<Finding> {
  const problems: string[] = [];
  const seen = new Set(watcher.eventIds);
  if (watcher.disorder > 0) problems.push(`${watcher.disorder} events arrived out of order`);
  if (seen.size !== watcher.eventIds.length)
    problems.push(`${watcher.eventIds.length - seen.size} events arrived twice`);
  let stored = 0;
  for (const c of cases) {
    const { events } = await mistral.workflows.events.getWorkflowEvents({ workflowExecId: c.execution, limit: 1000 });
    stored += events.length;
    const missed = events.filter((e) => !seen.has(e.eventId)).length;
    if (missed > 0) problems.push(`${missed} events of ${c.execution} did not arrive`);
    const one = watcher.executions.get(c.execution);
    if (one?.started !== 1 || one.ended !== 1)
      problems.push(`${c.execution} started ${one?.started} and closed ${one?.ended} times`);
  }
  if (seen.size !== stored) problems.push(`${seen.size} events arrived, ${stored} are stored`);
  const good = `stream: ${stored} events over ${watcher.connections} connection${watcher.connections === 1 ? "" : "s"}, in order, none twice, none missing`;
  return finding(good, problems);
}
