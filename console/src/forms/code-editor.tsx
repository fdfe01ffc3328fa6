/**
 * CodeMirror for JSON: line numbers, folding, search, and each problem at its place.
 *
 * EDITOR-1. It stands in a shadow root, where its styles are constructed style sheets. In the page itself they would be a style
 *     element, which the Content-Security-Policy refuses (CONSOLE-1).
 * EDITOR-2. Tab leaves the editor, because a person without a mouse must get on. Ctrl-] and Ctrl-[ indent.
 */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import {
  bracketMatching,
  codeFolding,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import type { EditorProps } from "./json-editor.tsx";
import { rangeOf, wrongAt } from "./json-places.ts";
import { problemWords } from "./problems.ts";

const theme = EditorView.theme({
  "&": { backgroundColor: "var(--panel)", color: "var(--ink)", fontSize: "12px", borderRadius: "6px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": {
    fontFamily: "ui-monospace, 'SF Mono', Menlo, Consolas, 'Liberation Mono', monospace",
    lineHeight: "1.55",
    minHeight: "6rem",
    maxHeight: "28rem",
    overflow: "auto",
  },
  ".cm-content": { caretColor: "var(--ink)", padding: "6px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--warn-bg)",
  },
  ".cm-gutters": {
    backgroundColor: "var(--sunken)",
    color: "var(--soft)",
    borderRight: "1px solid var(--line)",
    borderRadius: "6px 0 0 6px",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--sunken) 60%, transparent)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--running-bg)",
    outline: "1px solid var(--line)",
  },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", color: "var(--soft)", border: "1px solid var(--line)" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-bg)" },
  ".cm-searchMatch-selected": { outline: "1px solid var(--warn)" },
  ".cm-selectionMatch": { backgroundColor: "var(--still-bg)" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-panel.cm-search": { padding: "6px 28px 6px 8px", fontFamily: "inherit" },
  ".cm-panel.cm-search label": { fontSize: "12px", marginRight: "8px" },
  ".cm-textfield, .cm-button": {
    backgroundColor: "var(--panel)",
    backgroundImage: "none",
    color: "var(--ink)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    fontSize: "12px",
  },
  ".cm-panel button[name=close]": { color: "var(--ink)", fontSize: "16px", padding: "2px 6px" },
  ".cm-tooltip": { backgroundColor: "var(--panel)", color: "var(--ink)", border: "1px solid var(--line)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
});

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: tags.string, color: "var(--good)" },
  { tag: tags.number, color: "var(--running)" },
  { tag: [tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

export default function CodeEditor({
  label,
  text,
  change,
  problem,
  problems,
  describedBy,
}: EditorProps & { describedBy: string }) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef({ text, change });
  latest.current = { text, change };

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once, and the effects below bring it up to date
  useEffect(() => {
    const parent = host.current as HTMLDivElement;
    const root = parent.shadowRoot ?? parent.attachShadow({ mode: "open" }); // EDITOR-1
    const editor = new EditorView({
      parent: root as unknown as HTMLElement,
      root,
      state: EditorState.create({
        doc: text,
        extensions: [
          lineNumbers(),
          foldGutter(),
          lintGutter(),
          codeFolding(),
          history(),
          drawSelection(),
          bracketMatching(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          indentOnInput(),
          indentUnit.of("  "),
          search({ top: true }),
          json(),
          syntaxHighlighting(colours),
          EditorView.lineWrapping,
          theme,
          // EDITOR-2
          keymap.of([...defaultKeymap, ...historyKeymap, ...foldKeymap, ...searchKeymap, ...lintKeymap]),
          EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", autocorrect: "off" }),
          EditorView.updateListener.of(({ docChanged, state }) => {
            const now = state.doc.toString();
            if (docChanged && now !== latest.current.text) latest.current.change(now); // else the text came from outside
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      view.current = null;
      editor.destroy();
    };
  }, [label]);

  useEffect(() => {
    const editor = view.current;
    const before = editor?.state.doc.toString();
    if (editor && before !== text) editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const { state } = editor;
    const found: Diagnostic[] = problem
      ? [{ ...wrongAt(state, problem), severity: "error", message: problem }]
      : problems.map((one) => ({ ...rangeOf(state, one.place), severity: "warning", message: problemWords(one) }));
    editor.dispatch(setDiagnostics(state, found));
  }, [problem, problems]);

  return (
    <div
      ref={host}
      data-testid="code-editor"
      aria-describedby={describedBy}
      className={`rounded-md border ${problem ? "border-bad" : "border-line"}`}
    />
  );
}
