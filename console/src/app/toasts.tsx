/** Short news at the edge of the page, read out by screen readers. A refusal stays until it is closed. */
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { messageOf } from "../api/failure.ts";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
}
interface Say {
  readonly done: (text: string) => void;
  readonly failed: (error: unknown) => void;
}

const Context = createContext<Say>({ done: () => {}, failed: () => {} });
export const useSay = (): Say => useContext(Context);
let next = 1;

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const [say] = useState<Say>(() => {
    const add = (text: string, bad: boolean) => {
      const id = next++;
      setToasts((all) => [...all.slice(-3), { id, text, bad }]);
      if (!bad) setTimeout(() => drop(id), 5_000);
    };
    return { done: (text) => add(text, false), failed: (error) => add(messageOf(error), true) };
  });
  return (
    <Context value={say}>
      {children}
      <div aria-live="polite" className="pointer-events-none fixed right-4 bottom-4 z-50 flex max-w-sm flex-col gap-2">
        {toasts.map(({ id, text, bad }) => (
          <div
            key={id}
            role={bad ? "alert" : "status"}
            className={`pointer-events-auto flex items-start gap-3 rounded-md border bg-panel px-3 py-2 text-sm shadow-lg ${bad ? "border-bad" : "border-line"}`}
          >
            <span className="whitespace-pre-line">{text}</span>
            <button type="button" aria-label="Close" className="text-soft" onClick={() => drop(id)}>
              ✕
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}
