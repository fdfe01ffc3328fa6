/** The Python of `--worker python`: the environment of the repository, with the official SDK and `sirocco-worker` from its sources. */
import { buildCore } from "../../../packaging/python.ts";
import { findPython, pythonEnvironment } from "../../../packaging/python-env.ts";

export class NoPython extends Error {
  override readonly name = "NoPython";
}

/** The interpreter; undefined for workers in TypeScript. Throws `NoPython` before anything has started. */
export async function pythonFor(
  worker: string | undefined,
  print: (text: string) => void,
): Promise<string | undefined> {
  if (worker === undefined || worker === "typescript") return undefined;
  if (worker !== "python") throw new NoPython(`--worker is '${worker}': say python or typescript`);
  await findPython().catch((error: Error) => {
    throw new NoPython(error.message);
  });
  print("Activities run in Python. The first time, its packages are installed in .python, which takes about a minute.");
  await buildCore();
  return pythonEnvironment();
}
