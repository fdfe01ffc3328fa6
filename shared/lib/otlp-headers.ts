/**
 * Headers as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value` pairs with commas between them, values percent-encoded. Null: the
 * text is none.
 */
export function readHeaders(text: string): Record<string, string> | null {
  const headers: Record<string, string> = {};
  for (const pair of text.split(",")) {
    if (pair.trim() === "") continue;
    const [name = "", ...value] = pair.split("=");
    if (!/^[\w-]+$/.test(name.trim()) || value.length === 0) return null;
    try {
      headers[name.trim()] = decodeURIComponent(value.join("=").trim());
    } catch {
      return null;
    }
  }
  return headers;
}
