/** A titled part of a page. A part that throws shows what happened and leaves the others alive. */
import { Component, type ReactNode, useId } from "react";
import { messageOf } from "../api/failure.ts";
import { Button } from "./button.tsx";

interface Props {
  readonly title: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly flush?: boolean;
}

export function Panel({ title, actions, children, flush = false }: Props) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="rounded-lg border border-line bg-panel">
      <header className="flex flex-wrap items-center justify-between gap-2 border-b border-line px-4 py-2">
        <h2 id={id} className="text-sm font-semibold">
          {title}
        </h2>
        {actions}
      </header>
      <div className={flush ? "" : "p-4"}>
        <Guard>{children}</Guard>
      </div>
    </section>
  );
}

/** An error boundary with a report that holds neither payloads nor the key. */
export class Guard extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    const place = error instanceof Error ? (error.stack ?? "").split("\n").slice(1, 6).join("\n") : "";
    const report = `${location.pathname}${location.hash.split("?")[0]}\n${error instanceof Error ? error.name : typeof error}\n${place}`;
    return (
      <div role="alert" className="space-y-2 text-sm">
        <p>This part of the page has failed: {messageOf(error).slice(0, 200)}</p>
        <div className="flex gap-2">
          <Button onClick={() => this.setState({ error: null })}>Try again</Button>
          <Button onClick={() => void navigator.clipboard.writeText(report)}>Copy a report</Button>
        </div>
      </div>
    );
  }
}
