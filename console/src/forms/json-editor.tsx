/** Edits JSON: with CodeMirror, which is loaded when it is needed, and as plain text until then or if it cannot be loaded. */
import { Component, lazy, type ReactNode, Suspense, useId } from "react";
import { AreaField } from "../ui/field.tsx";
import type { Problem } from "./problems.ts";

const CodeEditor = lazy(() => import("./code-editor.tsx"));

export interface EditorProps {
  readonly label: string;
  readonly text: string;
  readonly change: (text: string) => void;
  /** Why the text is no JSON. */
  readonly problem: string | undefined;
  /** Why its value does not fit. */
  readonly problems: readonly Problem[];
  readonly help: string | undefined;
}

export function JsonEditor(props: EditorProps) {
  const { label, text, change, problem, help } = props;
  const id = useId();
  const plain = (
    <AreaField
      label={<span className="sr-only">{label}</span>}
      value={text}
      onChange={(event) => change(event.target.value)}
      rows={Math.min(20, Math.max(4, text.split("\n").length + 1))}
    />
  );
  return (
    <div className="space-y-1">
      <Otherwise shown={plain}>
        <Suspense fallback={plain}>
          <CodeEditor {...props} describedBy={id} />
        </Suspense>
      </Otherwise>
      <div id={id}>
        {help && <p className="text-xs text-soft">{help}</p>}
        {problem && (
          <p role="alert" className="text-xs whitespace-pre-line text-bad">
            {problem}
          </p>
        )}
      </div>
    </div>
  );
}

class Otherwise extends Component<{ shown: ReactNode; children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? this.props.shown : this.props.children;
  }
}
