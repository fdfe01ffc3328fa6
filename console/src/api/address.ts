/**
 * Where the API is, from the address of the page: the console lies under `/console/` beside the API, at any prefix. At
 * another path it lies beside `/v1` itself.
 */
export function apiBase(page: string): string {
  const { origin, pathname } = new URL(page);
  const folder = pathname.replace(/[^/]*$/, "");
  return origin + folder.replace(/console\/$/, "");
}
