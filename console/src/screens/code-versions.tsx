/** Deployments that are a version of another one's code: `NAME-VERSION` is the version VERSION of NAME. */
import { DeploymentLink } from "../ui/links.tsx";
import { Mono } from "../ui/text.tsx";

/** What a server tells of a deployment; an older one tells no versions. */
interface Versioned {
  readonly name: string;
  readonly version_of?: string | null;
  readonly version?: string | null;
}

/** Each deployment, then the versions of its code. Else in the order of the list; versions without their base stand together too. */
export function byBase<D extends Versioned>(deployments: readonly D[]): readonly D[] {
  const baseOf = ({ name, version_of }: Versioned) => version_of ?? name;
  const groups = Map.groupBy(deployments, baseOf);
  return [...groups.values()].flatMap((group) =>
    group.toSorted((a, b) => Number(Boolean(a.version_of)) - Number(Boolean(b.version_of))),
  );
}

export function VersionOf({ of: { version_of: base, version } }: { of: Versioned }) {
  if (!base) return null;
  return (
    <span className="text-xs text-soft">
      version {version && <Mono>{version}</Mono>} of <DeploymentLink name={base} />
    </span>
  );
}
