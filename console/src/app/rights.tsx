/** What the connected key may do. */
import { createContext, useContext } from "react";
import type { Answer } from "../api/operations.ts";

export type Caller = Answer<"whoAmI">;
const Context = createContext<Caller | null>(null);
export const CallerProvider = Context;

export const useCaller = (): Caller | null => useContext(Context);

export function useMayWrite(): boolean {
  const rights = useContext(Context)?.rights ?? [];
  return rights.includes("admin") || rights.includes("operate");
}
