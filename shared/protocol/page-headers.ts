/**
 * Headers of the console's files, the same from the server on one machine and from CloudFront. They let the page run its
 * own scripts and nothing else. Constants only: the CDK app imports this file.
 *
 * CONSOLE-1. The page may load scripts, styles and pictures from its own origin, call its own origin, and be shown in no
 *     frame of another page. No inline script or style runs, so text of an execution cannot become code.
 * CONSOLE-2. The name of a file below `assets/` changes with its content, so browsers keep it for ever. They ask for the
 *     page itself each time.
 */

/** CONSOLE-1. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

export const PAGE_HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** CONSOLE-2: `cache-control` of files below `assets/`, and of all others. */
export const CACHED_FOR_EVER = "public, max-age=31536000, immutable";
export const NOT_CACHED = "no-cache";
