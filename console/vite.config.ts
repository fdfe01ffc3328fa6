/** Builds the console into `dist`: static files with relative addresses, for any path and any static host. */
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { notices } from "../packaging/notices.ts";

/** The licences of the packages whose code the console contains. */
const licences = (): Plugin => ({
  name: "licences",
  generateBundle(_, bundle) {
    const files = Object.values(bundle).flatMap((part) => (part.type === "chunk" ? Object.keys(part.modules) : []));
    const source = notices(files.map((file) => file.replace(/^\0|\?.*$/g, "")));
    this.emitFile({ type: "asset", fileName: "THIRD-PARTY-NOTICES.txt", source });
  },
});

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  plugins: [react(), tailwindcss(), licences()],
  build: {
    outDir: "dist",
    target: "es2022",
    sourcemap: true,
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: scripts or styles
    modulePreload: { polyfill: false },
  },
});
