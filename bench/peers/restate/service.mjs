/** Restate's service: a handler with n durable steps in sequence. Its packages are installed beside it. */
import * as restate from "@restatedev/restate-sdk";

const sequence = restate.service({
  name: "sequence",
  handlers: {
    run: async (context, steps) => {
      let sum = 0;
      for (let i = 0; i < steps; i++) sum += await context.run(`step ${i}`, async () => 1);
      return sum;
    },
  },
});

await restate.serve({ services: [sequence], port: Number(process.env.PORT) });
