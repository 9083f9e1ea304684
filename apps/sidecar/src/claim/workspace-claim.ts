import {
  type ClaimWorkspaceRequest,
  failure,
  type Result,
  type WorkspaceEnvironment,
} from '@shadow/protocol';
import { type Grant, makeGrant } from '../auth.ts';
import { digestOf } from '../token-digest.ts';
import { readKeptClaim, writeKeptClaim } from './kept-claim.ts';

export interface WorkspaceClaimOptions {
  /** Directory on the workspace's volume, which outlives containers. */
  stateDir: string;
  /** SHA-256 of the token that opens an unclaimed sidecar. */
  tokenDigest: Buffer;
  /** What commands get of the image. */
  environment: Readonly<Record<string, string>>;
}

/** Whose workspace this is: the one token that opens it, and what its commands get for the task. */
export class WorkspaceClaim {
  /** What commands get now; one object for good, so that whoever holds it sees every claim. */
  readonly environment: Record<string, string>;
  readonly #stateDir: string;
  readonly #base: Readonly<Record<string, string>>;
  #grant: Grant;
  #isClaimed: boolean;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: WorkspaceClaimOptions, tokenDigest: Buffer, isClaimed: boolean) {
    this.#stateDir = options.stateDir;
    this.#base = options.environment;
    this.environment = { ...options.environment };
    this.#grant = makeGrant(tokenDigest);
    this.#isClaimed = isClaimed;
  }

  /** Finds the claim that an earlier process kept; it wins over the token given. */
  static async open(options: WorkspaceClaimOptions): Promise<WorkspaceClaim> {
    const kept = await readKeptClaim(options.stateDir);
    const claim = new WorkspaceClaim(options, kept?.tokenDigest ?? options.tokenDigest, kept !== undefined);
    claim.#setEnvironment(kept?.environment ?? {});
    return claim;
  }

  /** The token that opens the sidecar now. */
  get grant(): Grant {
    return this.#grant;
  }

  get isClaimed(): boolean {
    return this.#isClaimed;
  }

  /**
   * Gives the workspace to whom the new token is known; converges when repeated. Of several at once with one old token a
   * single one wins.
   *
   * @param revoked of the token that the caller showed
   * @returns TOKEN_INVALID when another claim came first
   */
  claim(request: ClaimWorkspaceRequest, revoked: AbortSignal): Promise<Result<{ claimed: true }>> {
    const claimed = this.#last.then(() => this.#claim(request, revoked));
    this.#last = claimed.catch(() => undefined);
    return claimed;
  }

  async #claim(
    { token, environment = {} }: ClaimWorkspaceRequest,
    revoked: AbortSignal,
  ): Promise<Result<{ claimed: true }>> {
    const tokenDigest = digestOf(token);
    const isSame = tokenDigest.equals(this.#grant.digest);
    if (revoked.aborted && !isSame) {
      return failure('TOKEN_INVALID', 'The workspace was claimed with another token meanwhile.');
    }
    await writeKeptClaim(this.#stateDir, { tokenDigest, environment });
    this.#setEnvironment(environment);
    this.#isClaimed = true;
    if (!isSame) {
      const old = this.#grant;
      this.#grant = makeGrant(tokenDigest);
      old.revoke();
    }
    return { success: true, claimed: true };
  }

  #setEnvironment(given: WorkspaceEnvironment): void {
    for (const name of Object.keys(this.environment)) delete this.environment[name];
    Object.assign(this.environment, this.#base, given);
  }
}
