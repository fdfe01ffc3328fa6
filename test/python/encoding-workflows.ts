/** The workflows with encoded payloads, and a worker in this process that serves them, on either engine. */
import * as z from "zod";
import { type EncodingOptions, EncryptedText } from "../../sdk/encoding/index.ts";
import {
  activity,
  child,
  on,
  query,
  type RunningWorker,
  signal,
  startWorker,
  task,
  update,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { QUIET } from "../support/test-server.ts";

const Named = z.object({ name: z.string() });
const greet = activity({ name: "greet", input: Named, output: Named }, async ({ name }) => {
  await task("greeting", { name }, async (t) => t.set({ name: `Dear ${name}` }));
  return { name: `Hello, ${name}` };
});
const rename = signal("rename", Named);
const who = query("who", Named);
const finish = update("finish", Named, Named);
const inner = workflow({ name: "inner", input: Named, output: Named }, (input) => greet(input));
const story = workflow(
  { name: "story", input: Named, output: Named, handlers: [rename, who, finish] },
  async (input) => {
    let { name } = input;
    let done = false;
    on(who, () => ({ name }));
    on(rename, (next) => {
      name = next.name;
    });
    on(finish, (next) => {
      done = true;
      name = next.name;
      return { name };
    });
    await waitUntil(() => done, "5m");
    return child(inner, { name });
  },
);
const echo = workflow({ name: "echo", input: z.looseObject({}) }, async (input) => input);
const Login = z.object({ user: z.string(), token: EncryptedText });
const login = workflow({ name: "login", input: Login, output: Login }, async (input) => {
  const { user, token } = input;
  await task("session", { user, token }, async (t) => t.set({ user, token: { ...token, data: `${token.data}-2` } }));
  return input;
});

export const startEncodingWorker = (
  at: { readonly url: string; readonly key: string },
  deployment: string,
  encoding: EncodingOptions,
): Promise<RunningWorker> =>
  startWorker({
    url: at.url,
    apiKey: at.key,
    deployment,
    name: deployment,
    log: QUIET,
    shutdownGrace: "1s",
    workflows: [story, inner, echo, login],
    activities: [greet],
    encoding,
  });
