import { activity, runWorker, workflow } from "@sirocco/sdk";
import * as z from "zod";

const Person = z.object({ name: z.string() });

const greet = activity({ name: "greet", input: Person, output: z.string() }, ({ name }) => `Hello, ${name}!`);

const hello = workflow({ name: "hello", input: Person }, async (person) => greet(person));

await runWorker({ workflows: [hello], activities: [greet] });
