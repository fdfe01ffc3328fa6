/** The same start as commands, as code, and as a link to the filled form, to copy. The key is never in them. */
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { apiBase } from "../../api/address.ts";
import { writeJson } from "../../api/json.ts";
import { Tabs } from "../../ui/tabs.tsx";
import { Copy } from "../../ui/text.tsx";

interface Body {
  readonly input: unknown;
  readonly execution_id?: string;
  readonly deployment_name?: string;
}

/** In single quotes, in which a shell changes nothing. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Exported for its test. */
export function equivalents(base: string, workflow: string, body: Body): Record<"curl" | "cli" | "ts" | "py", string> {
  const url = base.replace(/\/$/, "");
  const name = encodeURIComponent(workflow);
  const { input, execution_id: id, deployment_name: deployment } = body;
  return {
    curl: [
      `curl -X POST ${quoted(`${url}/v1/workflows/${name}/execute`)} \\`,
      `  -H "authorization: Bearer $SIROCCO_API_KEY" \\`,
      "  -H 'content-type: application/json' \\",
      `  -d ${quoted(writeJson(body))}`,
    ].join("\n"),
    cli: [
      `sirocco start ${workflow} --url ${url}`,
      ` --input ${quoted(writeJson(input))}`,
      ...(id ? [` --id ${id}`] : []),
      ...(deployment ? [` --deployment ${deployment}`] : []),
    ].join(""),
    ts: [
      'import { Mistral } from "@mistralai/mistralai";',
      "",
      `const client = new Mistral({ serverURL: ${JSON.stringify(url)}, apiKey: process.env.SIROCCO_API_KEY });`,
      "await client.workflows.executeWorkflow({",
      `  workflowIdentifier: ${JSON.stringify(workflow)},`,
      "  workflowExecutionRequest: {",
      `    input: ${writeJson(input)},`,
      ...(id ? [`    executionId: ${JSON.stringify(id)},`] : []),
      ...(deployment ? [`    deploymentName: ${JSON.stringify(deployment)},`] : []),
      "  },",
      "});",
    ].join("\n"),
    py: [
      "import json, os",
      "from mistralai.client import Mistral",
      "",
      `client = Mistral(server_url=${JSON.stringify(url)}, api_key=os.environ["SIROCCO_API_KEY"])`,
      "client.workflows.execute_workflow(",
      `    workflow_identifier=${JSON.stringify(workflow)},`,
      `    input=json.loads(${JSON.stringify(writeJson(input))}),`,
      ...(id ? [`    execution_id=${JSON.stringify(id)},`] : []),
      ...(deployment ? [`    deployment_name=${JSON.stringify(deployment)},`] : []),
      ")",
    ].join("\n"),
  };
}

export function Equivalents({ workflow, body }: { workflow: string; body: Body }) {
  const [kind, setKind] = useState<"curl" | "cli" | "ts" | "py" | "link">("curl");
  const router = useRouter();
  const search = { workflow, deployment: body.deployment_name, input: writeJson(body.input) };
  const text =
    kind === "link"
      ? new URL(router.history.createHref(router.buildLocation({ to: "/start", search }).href), location.href).href
      : equivalents(apiBase(location.href), workflow, body)[kind];
  return (
    <Tabs
      label="Language"
      chosen={kind}
      choose={setKind}
      tabs={[
        ["curl", "curl"],
        ["cli", "sirocco"],
        ["ts", "TypeScript"],
        ["py", "Python"],
        ["link", "Link"],
      ]}
    >
      <div className="flex items-start gap-2 rounded-md border border-line bg-sunken p-2">
        <pre tabIndex={0} data-testid={`call-${kind}`} className="flex-1 overflow-x-auto font-mono text-xs">
          {text}
        </pre>
        <Copy text={text} label={kind === "link" ? "the link to this form" : "the call"} />
      </div>
    </Tabs>
  );
}
