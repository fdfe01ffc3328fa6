/** `sirocco workflows set`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

export const set = command({
  name: "workflows set",
  summary: "set a workflow's title or description, above what its workers declare",
  details: "An empty text takes the change back: the title or description that the workers declare counts again.",
  positionals: [{ name: "workflow", help: "name of a workflow" }],
  flags: {
    title: { type: "string", value: "TEXT", help: "title, shown in place of the name" },
    description: { type: "string", value: "TEXT", help: "what the workflow does" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    'sirocco workflows set invoice_processor --title "Invoices"',
    'sirocco workflows set invoice_processor --title ""',
  ],
  async run([workflow_identifier], flags, io) {
    if (flags.title === undefined && flags.description === undefined)
      throw usage("workflows set needs --title or --description");
    const body = {
      ...(flags.title !== undefined && { display_name: flags.title || null }),
      ...(flags.description !== undefined && { description: flags.description || null }),
    };
    const params = { workflow_identifier: workflow_identifier! };
    const { workflow } = await apiOf(flags, io).call("updateWorkflow", { params, body });
    if (flags.json) printJson(io, { workflow });
    else io.out(`${workflow.name}: ${workflow.display_name}${workflow.description ? `. ${workflow.description}` : ""}`);
    return EXIT.ok;
  },
});
