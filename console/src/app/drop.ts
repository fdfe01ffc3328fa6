/** A file that is dropped anywhere on the page is shown as a downloaded history, and never opened by the browser itself. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { openFile } from "../history/file.ts";
import { useSay } from "./toasts.tsx";

export function useDroppedFile(): void {
  const navigate = useNavigate();
  const say = useSay();
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    addEventListener(
      "dragover",
      (event) => {
        if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
      },
      { signal },
    );
    addEventListener(
      "drop",
      (event) => {
        const [file] = event.dataTransfer?.files ?? [];
        if (!file) return;
        event.preventDefault();
        openFile(file).then(() => navigate({ to: "/file" }), say.failed);
      },
      { signal },
    );
    return () => stop.abort();
  }, [navigate, say]);
}
