/** Says which executions a job acts on. */
export function Filters({ filter, which = "running" }: { filter: Readonly<Record<string, unknown>>; which?: string }) {
  const shown = Object.entries(filter);
  return (
    <>
      <p>A job of the server does this to every {which} execution that these filters find:</p>
      {shown.length === 0 ? (
        <p className="font-semibold">No filter: all executions of the workspace.</p>
      ) : (
        <ul className="list-disc pl-5 font-mono text-xs">
          {shown.map(([key, value]) => (
            <li key={key}>
              {key} = {Array.isArray(value) ? value.join(", ") : String(value)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
