/** The CDK app of `sirocco deploy`: one stack, its settings from context (`infra/config.ts`). */
import { App, Tags } from "aws-cdk-lib";
import { FEATURE_FLAGS, readSettings, refuseUnknown, stackProps } from "../infra/config.ts";
import { SiroccoStack } from "../infra/stack.ts";
import { ROUTES } from "../shared/protocol/routes.ts";
import { CONSOLE_FOLDER, FUNCTIONS_FOLDER } from "./assets.ts";

const app = new App({ context: FEATURE_FLAGS, analyticsReporting: false });
refuseUnknown(app.node.getAllContext());
const settings = readSettings((name) => app.node.tryGetContext(name));
const { console, ...props } = stackProps(settings);
new SiroccoStack(app, settings.stackName, {
  ...props,
  console: console && { ...console, files: CONSOLE_FOLDER },
  routes: ROUTES,
  bundles: FUNCTIONS_FOLDER,
});
Tags.of(app).add("sirocco", settings.stackName);
app.synth();
