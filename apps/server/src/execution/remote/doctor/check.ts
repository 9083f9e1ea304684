/** What one check of the cluster found; the form that `shadow doctor` prints. `missing`: remote mode does not work without it. */
export interface ClusterCheck {
  level: 'ok' | 'warning' | 'missing';
  text: string;
  /** What to do about it. */
  mend?: string;
}
