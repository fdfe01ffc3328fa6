/** The version of the code to which an execution is pinned, and which versions of the same deployment are alive. */
import type { Answer } from "../../api/operations.ts";
import { DeploymentLink } from "../../ui/links.tsx";
import { Tag } from "../../ui/status.tsx";
import { Mono } from "../../ui/text.tsx";

type Version = NonNullable<Answer<"explainWorkflowExecution">["version"]>;

/** The name of a deployment that is a version: `NAME-VERSION`. */
const deploymentOf = ({ version_of }: Version, version: string): string => `${version_of}-${version}`;

/** Items of the description list of the page. */
export function PinnedVersion({ version: pinned, isOpen }: { version: Version; isOpen: boolean }) {
  const { version_of, version, is_live, live_versions } = pinned;
  return (
    <>
      <div>
        <dt>Version</dt>
        <dd className="flex flex-wrap items-baseline gap-x-2">
          <span>
            <Mono>{version}</Mono> of <DeploymentLink name={version_of} />
          </span>
          {isOpen && <Tag tone={is_live ? "good" : "warn"}>{is_live ? "live" : "no live worker"}</Tag>}
        </dd>
      </div>
      {isOpen && (
        <div>
          <dt>Live versions</dt>
          <dd className="flex flex-wrap gap-x-2">
            {live_versions.length === 0 && "none"}
            {live_versions.map((one) => (
              <DeploymentLink key={one} name={deploymentOf(pinned, one)} />
            ))}
          </dd>
        </div>
      )}
    </>
  );
}
