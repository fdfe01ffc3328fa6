// The CDK app: it bundles the handlers, then defines one stack. `npx cdk synth` runs it without an AWS account.
import { App, Tags, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { bundle } from "../functions/build/bundle.ts";
import { ROUTES } from "../shared/protocol/routes.ts";
import { FEATURE_FLAGS, readSettings, refuseUnknown, stackProps } from "./config.ts";
import { SiroccoStack } from "./stack.ts";

const app = new App({ context: FEATURE_FLAGS, analyticsReporting: false });
refuseUnknown(app.node.getAllContext());
const settings = readSettings((name) => app.node.tryGetContext(name));
const bundles = await bundle({ entries: settings.handlers, out: settings.bundles });
new SiroccoStack(app, settings.stackName, { ...stackProps(settings), routes: ROUTES, bundles: bundles.folder });
Tags.of(app).add("sirocco", settings.stackName);
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
app.synth();
