/** Where in a JSON text something stands: a value by its keys and indexes, and the place of a syntax error. */
import { ensureSyntaxTree } from "@codemirror/language";
import type { EditorState } from "@codemirror/state";

interface Range {
  readonly from: number;
  readonly to: number;
}

const PARSE_MS = 200;
const VALUES = new Set(["Object", "Array", "String", "Number", "True", "False", "Null"]);

/** Of the value at the place, or of the innermost one on the way to it. */
export function rangeOf(state: EditorState, place: readonly (string | number)[]): Range {
  let node = ensureSyntaxTree(state, state.doc.length, PARSE_MS)?.topNode.firstChild;
  for (const step of place) {
    let next = null;
    if (node?.name === "Object") {
      for (const property of node.getChildren("Property")) {
        const name = property.getChild("PropertyName");
        if (name && nameIn(state, name) === String(step)) next = property.lastChild;
      }
    } else if (node?.name === "Array") {
      let at = -1;
      for (let child = node.firstChild; child; child = child.nextSibling) {
        if (VALUES.has(child.name) && ++at === Number(step)) next = child;
      }
    }
    if (!next || !VALUES.has(next.name)) break;
    node = next;
  }
  return node ? firstLine(state, node) : { from: 0, to: 0 };
}

function nameIn(state: EditorState, { from, to }: Range): string | undefined {
  try {
    return JSON.parse(state.sliceDoc(from, to)) as string;
  } catch {
    return undefined;
  }
}

/** A mark over a whole object would hide those inside it. */
const firstLine = (state: EditorState, { from, to }: Range): Range => ({
  from,
  to: Math.min(to, state.doc.lineAt(from).to),
});

/** The message ends with line and column (`syntaxProblem`). */
export function wrongAt({ doc }: EditorState, message: string): Range {
  const [, line, column] = /line (\d+), column (\d+)$/.exec(message) ?? [];
  const at = line === undefined ? doc.length : doc.line(Math.min(doc.lines, Number(line))).from + Number(column) - 1;
  const from = Math.max(0, Math.min(at, doc.length - 1));
  return { from, to: Math.min(doc.length, from + 1) };
}
