/** Where git writes its trace of HTTP to. */
export const TRACE_DESCRIPTOR = 4;

/** Variables that make git trace heads, without bodies and credentials (git(1), GIT_TRACE_CURL). */
export const TRACE_VARIABLES = {
  GIT_TRACE_CURL: String(TRACE_DESCRIPTOR),
  GIT_TRACE_CURL_NO_DATA: '1',
  GIT_TRACE_REDACT: '1',
} as const;

/** What a git spoke over HTTP: it ends with the same code whatever was wrong, so the answers themselves are looked at. */
export class HttpTrace {
  #rest = '';
  #status: number | undefined;
  #spokeGit = false;

  /** Status of the last answer; undefined when there was none. */
  get status(): number | undefined {
    return this.#status;
  }

  /** Whether there was an answer in git's own protocol. */
  get spokeGit(): boolean {
    return this.#spokeGit;
  }

  push(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-1_000);
    for (const line of lines) {
      const status = /<= recv header: HTTP\/[\d.]+ (\d{3})/i.exec(line)?.[1];
      if (status !== undefined) this.#status = Number(status);
      if (/<= recv header: content-type: application\/x-git-/i.test(line)) this.#spokeGit = true;
    }
  }
}
