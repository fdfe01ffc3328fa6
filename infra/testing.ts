// For the tests of the stack: a template with empty handlers, and functions that read it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { afterAll } from "vitest";
import { FUNCTION_NAMES } from "../shared/aws/names.ts";
import { ROUTES } from "../shared/protocol/routes.ts";
import { FEATURE_FLAGS } from "./config.ts";
import { SiroccoStack, type SiroccoStackProps } from "./stack.ts";

export type Json = Record<string, unknown>;
export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of many shapes, and each test reads one of them
  readonly Properties: Record<string, any>;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: readonly string[];
}

/** The folder of a test file, which holds its cloud assemblies, too: by default each app leaves one in the temporary folder. */
const scratch = mkdtempSync(path.join(tmpdir(), "sirocco-infra-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const bundles = path.join(scratch, "bundles");
for (const name of FUNCTION_NAMES) {
  mkdirSync(path.join(bundles, name), { recursive: true });
  writeFileSync(path.join(bundles, name, "index.mjs"), `export const handler = () => "${name}";`);
}

export function build(props: Partial<SiroccoStackProps> = {}): { app: App; stack: SiroccoStack } {
  const outdir = mkdtempSync(path.join(scratch, "cdk.out-"));
  const app = new App({ context: FEATURE_FLAGS, analyticsReporting: false, outdir });
  return { app, stack: new SiroccoStack(app, "Sirocco", { routes: ROUTES, bundles, ...props }) };
}
export const synthesize = (props?: Partial<SiroccoStackProps>): Template => Template.fromStack(build(props).stack);

export const all = (template: Template, type: string) =>
  Object.entries(template.findResources(type)) as [string, Resource][];
export const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);
/** Construct ids of functions. */
export const FUNCTION_IDS = FUNCTION_NAMES.map((name) => name[0]!.toUpperCase() + name.slice(1));

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Json;
}
/** The statements of the role of one function. */
export function statements(template: Template, functionId: string): Statement[] {
  const [, policy] = all(template, "AWS::IAM::Policy").find(([id]) => id.startsWith(`${functionId}RoleDefaultPolicy`))!;
  return policy.Properties.PolicyDocument.Statement;
}
export const actions = (template: Template, functionId: string): string[] =>
  statements(template, functionId).flatMap(({ Action }) => list(Action));
export function environment(template: Template, functionId: string): Record<string, unknown> {
  const [, fn] = all(template, "AWS::Lambda::Function").find(([id]) => id.startsWith(`${functionId}Function`))!;
  return fn.Properties.Environment.Variables;
}
