import * as z from 'zod';
import { defineSidecarEndpoint } from './endpoint.ts';

/** A bearer token as a header can carry it; shorter ones could be guessed. */
export const SidecarToken = z.string().regex(/^[\x21-\x7e]{16,512}$/, 'must be 16 to 512 visible characters');

/**
 * What a workspace's environment may not set: which shells, programs and libraries a command starts, where the sidecar's own
 * git and search look, and the sidecar's settings. All of that belongs to the image.
 */
const RESERVED =
  /^(PATH|HOME|SHELL|TMPDIR|USER|LOGNAME|ENV|BASH_ENV|BASH_FUNC_.*|SHELLOPTS|BASHOPTS|IFS|PS4|PROMPT_COMMAND|(LD|DYLD|GIT|SIDECAR)_.*)$/;

/** The name of a variable that a workspace's environment may set. */
const EnvironmentName = z
  .string()
  .max(256)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and _, not beginning with a digit')
  .refine((name) => !RESERVED.test(name), 'is reserved: it decides which programs and libraries run');

const MAX_VARIABLES = 256;
const MAX_VALUE_LENGTH = 32_768;

/** Variables that the commands of a workspace get besides those of the image. */
export const WorkspaceEnvironment = z
  .record(
    EnvironmentName,
    z
      .string()
      .max(MAX_VALUE_LENGTH)
      .refine((value) => !value.includes('\0'), 'must hold no NUL'),
  )
  .refine((variables) => Object.keys(variables).length <= MAX_VARIABLES, `must be at most ${MAX_VARIABLES}`);
export type WorkspaceEnvironment = z.infer<typeof WorkspaceEnvironment>;

/** What a workspace becomes a task's with. */
export const ClaimWorkspaceRequest = z.object({
  /** The only one that opens the sidecar from the answer on. */
  token: SidecarToken,
  /** Takes the place of what an earlier claim set; absent for nothing. */
  environment: WorkspaceEnvironment.optional(),
});
export type ClaimWorkspaceRequest = z.infer<typeof ClaimWorkspaceRequest>;

/** What a workspace takes, and what it is. */
export const WorkspaceUsage = z.object({
  /** On disk, of the tree alone. */
  bytes: z.int().min(0),
  files: z.int().min(0),
  /** Of the file system that holds the tree. */
  diskTotalBytes: z.int().min(0),
  diskFreeBytes: z.int().min(0),
  /** Whether a claim has given it a token of its own. */
  claimed: z.boolean(),
  /** Whether a finished clone is there. */
  repository: z.boolean(),
});
export type WorkspaceUsage = z.infer<typeof WorkspaceUsage>;

const call = {
  params: z.object({}),
  query: z.object({}),
  status: 200,
  public: false,
  answer: 'json',
} as const;

/** The workspace as a whole. */
export const workspaceEndpoints = {
  claimWorkspace: defineSidecarEndpoint({
    ...call,
    method: 'post',
    effect: 'converging-write',
    operationId: 'claimWorkspace',
    path: '/api/workspace/claim',
    tag: 'Workspace',
    summary:
      'Take the workspace for a task: only the new token opens it from then on, whatever restarts; open streams end',
    body: ClaimWorkspaceRequest,
    response: z.object({ claimed: z.literal(true) }),
  }),
  getWorkspaceUsage: defineSidecarEndpoint({
    ...call,
    method: 'get',
    effect: 'read',
    operationId: 'getWorkspaceUsage',
    path: '/api/workspace',
    tag: 'Workspace',
    summary:
      'Size of the tree, space on its disk, whether it is claimed and whether a finished clone is there',
    body: z.undefined(),
    response: WorkspaceUsage,
  }),
} as const;
