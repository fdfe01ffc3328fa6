"""Written by `node packaging/version.ts`."""

VERSION = "0.1.0"
