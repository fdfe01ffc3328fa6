/** For a worker whose code runs in another process. */
export interface LeaseWatch {
  /** False while that process is hung: leases and heartbeats then lapse. */
  readonly alive?: () => boolean;
  /** A lease begins or ends: that process hands it back, should this one die. */
  readonly leased?: (receipt: string, held: boolean) => void;
}
