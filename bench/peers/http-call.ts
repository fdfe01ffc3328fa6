/** The client of the comparison: one for all engines, HTTP/1.1 with connections that are kept open. */
import { Agent, request } from "node:http";

export interface Target {
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** Sends a request and resolves with the answer's text. Rejects if the status is not 2xx. */
export function post({ port, path, headers, body }: Target): Promise<string> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: "POST",
        agent,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text), ...headers },
      },
      (answer) => {
        let received = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => {
          received += part;
        });
        answer.on("error", reject);
        answer.on("end", () => {
          const { statusCode = 0 } = answer;
          if (statusCode >= 200 && statusCode < 300) resolve(received);
          else reject(new Error(`${path} answered ${statusCode}: ${received}`));
        });
      },
    );
    sent.on("error", reject);
    sent.end(text);
  });
}

export function closeConnections(): void {
  agent.destroy();
}
