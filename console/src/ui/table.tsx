/** A table that scrolls sideways inside itself, so that the page never does. On a phone each row is a block of titles and values. */
import type { ReactNode } from "react";

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  readonly right?: boolean;
  /** Holds ids, which are long: the table scrolls rather than breaking them into many lines. */
  readonly wide?: boolean;
}

interface Props<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly empty: ReactNode;
}

export function Table<Row>({ label, columns, rows, keyOf, empty }: Props<Row>) {
  if (rows.length === 0) return <div className="px-4 py-8 text-center text-soft">{empty}</div>;
  return (
    <section className="relative overflow-x-auto" aria-label={label} tabIndex={0}>
      <table className="w-full border-collapse text-left text-sm max-sm:block">
        <thead className="max-sm:hidden">
          <tr className="border-b border-line text-xs text-soft">
            {columns.map(({ id, title, right }) => (
              <th
                key={id}
                scope="col"
                className={`px-4 py-2 font-semibold whitespace-nowrap ${right ? "text-right" : ""}`}
              >
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="max-sm:block">
          {rows.map((row) => (
            <tr
              key={keyOf(row)}
              className="border-b border-line last:border-0 hover:bg-sunken max-sm:block max-sm:py-1.5"
            >
              {columns.map(({ id, title, cell, right, wide }) => (
                <td
                  key={id}
                  data-title={title}
                  className={`px-4 py-1.5 align-top ${right ? "sm:text-right sm:whitespace-nowrap" : wide ? "sm:min-w-48" : "sm:min-w-24"} max-sm:flex max-sm:gap-3 max-sm:py-0.5 max-sm:before:w-24 max-sm:before:shrink-0 max-sm:before:text-xs max-sm:before:leading-5 max-sm:before:text-soft max-sm:before:content-[attr(data-title)]`}
                >
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
