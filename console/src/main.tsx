import "./styles.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { begin } from "./api/session.ts";
import { queries } from "./api/use.ts";
import { App } from "./app/app.tsx";
import { applyTheme } from "./app/preferences.ts";
import { Guard } from "./ui/panel.tsx";

begin(); // SESSION-2: before the router reads the address
applyTheme();
createRoot(document.getElementById("root") as HTMLElement).render(
  <Guard>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </Guard>,
);
