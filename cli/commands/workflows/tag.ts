/** `sirocco workflows tag`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

export const tag = command({
  name: "workflows tag",
  summary: "add tags to a workflow, or remove some",
  details: "Workers cannot change tags: they stay when a worker registers the workflow again.",
  positionals: [
    { name: "workflow", help: "name of a workflow" },
    { name: "tag", help: "tags to add", many: true, optional: true },
  ],
  flags: {
    remove: { type: "string", value: "TAG", multiple: true, help: "remove this tag; may be repeated" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco workflows tag invoice_processor billing eu",
    "sirocco workflows tag invoice_processor --remove eu",
  ],
  async run([workflow_identifier, ...add], flags, io) {
    if (add.length === 0 && flags.remove.length === 0)
      throw usage("workflows tag needs a <tag> to add, or --remove TAG");
    const api = apiOf(flags, io);
    const params = { workflow_identifier: workflow_identifier! };
    if (add.length > 0) await api.call("addWorkflowTags", { params, body: { tags: add } });
    let { workflow } = await api.call("getWorkflow", { params });
    if (flags.remove.length > 0) {
      const tags = workflow.tags.filter((each) => !flags.remove.includes(each));
      workflow = { ...workflow, ...(await api.call("updateWorkflow", { params, body: { tags } })).workflow };
    }
    if (flags.json) printJson(io, { workflow });
    else io.out(`${workflow.name}: ${workflow.tags.join(", ") || "no tags"}`);
    return EXIT.ok;
  },
});
