/** The title and icon of the page in the browser's tab. */
import { useEffect } from "react";

/** Colours of the icon by status. They are told apart by their sign as well. */
const SIGNS: Readonly<Record<string, readonly [sign: string, colour: string]>> = {
  RUNNING: ["●", "#0b5cad"],
  COMPLETED: ["✓", "#17693b"],
  FAILED: ["✕", "#b3261e"],
  TIMED_OUT: ["✕", "#b3261e"],
  CANCELED: ["–", "#845300"],
  TERMINATED: ["–", "#845300"],
};

let asked = "";
let shown = "";
const write = (): void => {
  document.title = `${asked}${shown} – Sirocco`;
};

/** Puts before the title of every page how many executions ask a person; an empty text: none does. */
export function tellAsked(count: string): void {
  asked = count === "" ? "" : `(${count}) `;
  write();
}

/** `status`: of the execution that the page is about. */
export function useTitle(title: string, status?: string | null): void {
  useEffect(() => {
    const sign = SIGNS[status ?? ""];
    shown = `${sign ? `${sign[0]} ` : ""}${title}`;
    write();
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    if (!icon || !sign) return;
    const before = icon.href;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${sign[1]}"/><text x="16" y="23" font-size="20" font-family="sans-serif" fill="#fff" text-anchor="middle">${sign[0]}</text></svg>`;
    icon.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    return () => {
      icon.href = before;
    };
  }, [title, status]);
}
