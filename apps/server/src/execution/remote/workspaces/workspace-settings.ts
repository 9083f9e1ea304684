/** What the pods of this server are made of and how long it waits for them; a part of the configuration. */
export interface WorkspaceSettings {
  /** Tells the objects of this server from those of another one in the same namespace. */
  readonly instance: string;
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly imagePullSecret: string | null;
  readonly port: number;
  /** Without a slash at its end; `/live` and `/ready` are below it. */
  readonly healthPath: string;
  readonly limits: { readonly cpu: string; readonly memory: string };
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly storage: {
    readonly kind: 'emptyDir' | 'pvc';
    readonly size: string;
    readonly className: string | null;
  };
  readonly buildCacheClaim: string | null;
  readonly runtimeClass: string | null;
  readonly priorityClass: string | null;
  readonly serviceAccount: string;
  readonly egress: 'none' | 'public' | 'cluster';
}
