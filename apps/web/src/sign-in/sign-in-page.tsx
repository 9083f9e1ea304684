import { ShadowError } from '@shadow/protocol';
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { Mark } from '../app/mark.tsx';
import { api, realtime } from '../server/clients.ts';
import { meQuery } from '../server/queries.ts';
import { Button } from '../ui/button.tsx';
import { Spinner } from '../ui/spinner.tsx';

const route = getRouteApi('/sign-in');

/** A token is good for one exchange: strict mode's second effect must not spend it again. */
const exchanges = new Map<string, ReturnType<typeof api.signInWithToken>>();

/** Exchanges the token of the printed URL for a session, or says where such a URL is found. */
export function SignInPage() {
  const { token } = route.useSearch();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const [error, setError] = useState<ShadowError | null>(null);
  const [attempt, setAttempt] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is a reason of its own
  useEffect(() => {
    if (token === undefined || token === '') return;
    let left = false;
    const exchange = exchanges.get(token) ?? api.signInWithToken({ body: { token } });
    exchanges.set(token, exchange);
    exchange.then(
      (me) => {
        cache.setQueryData(meQuery.queryKey, me);
        realtime().reconnect();
        if (!left) void navigate({ to: '/', replace: true });
      },
      (failure: unknown) => {
        exchanges.delete(token);
        if (!left && failure instanceof ShadowError) setError(failure);
      },
    );
    return () => {
      left = true;
    };
  }, [token, attempt, navigate, cache]);

  const retry = () => {
    setError(null);
    setAttempt(attempt + 1);
  };
  return (
    <main className="flex h-full items-center justify-center overflow-y-auto p-6">
      <div className="w-full max-w-[420px]">
        <Mark className="mb-5 size-9" />
        {token === undefined || token === '' ? (
          <Explanation title="Sign in to Shadow">
            <p>
              Open the address that Shadow printed in the terminal when it started. It looks like this and
              works once:
            </p>
            <Sample text={`${window.location.origin}/sign-in?token=…`} />
            <NewToken />
          </Explanation>
        ) : error === null ? (
          <p role="status" className="flex items-center gap-2.5 text-ink-2">
            <Spinner /> Signing you in…
          </p>
        ) : (
          <Failure error={error} onRetry={retry} />
        )}
      </div>
    </main>
  );
}

function Failure({ error, onRetry }: { error: ShadowError; onRetry: () => void }) {
  const spent = error.code === 'TOKEN_INVALID' || error.code === 'UNAUTHENTICATED';
  return (
    <div role="alert" data-testid="sign-in-error">
      <Explanation title={spent ? 'This sign-in link no longer works' : 'Signing in did not work'}>
        {spent ? (
          <>
            <p>Each link works once and only for a while; this one was used already or has expired.</p>
            <NewToken />
          </>
        ) : (
          <>
            <p>{error.message}</p>
            <p>The link was not used up. When the server is back, try again.</p>
            <Button look="primary" onClick={onRetry} className="mt-1">
              Try again
            </Button>
          </>
        )}
      </Explanation>
    </div>
  );
}

function Explanation({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <>
      <h1 className="mb-2 font-semibold text-[19px] leading-7 tracking-[-0.01em]">{title}</h1>
      <div className="space-y-3 text-ink-2">{children}</div>
    </>
  );
}

function NewToken() {
  return (
    <>
      <p>For a new link, restart the server, or run this beside it:</p>
      <Sample text="shadow sign-in-url" />
    </>
  );
}

function Sample({ text }: { text: string }) {
  return (
    <pre className="select-all overflow-x-auto rounded-lg border border-line bg-surface px-3 py-2 font-mono text-ink text-xs">
      {text}
    </pre>
  );
}
