/** Home and End in a long list, of which only the rows in sight are drawn. */
import type { KeyboardEvent } from "react";

export const toEnds =
  (list: { scrollToIndex(index: number): void }, count: number) =>
  (event: KeyboardEvent): void => {
    if (event.key === "Home") list.scrollToIndex(0);
    else if (event.key === "End") list.scrollToIndex(count - 1);
    else return;
    event.preventDefault();
  };
